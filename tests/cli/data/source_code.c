/*
 * queue.c - a ring buffer for one writer and one reader
 *
 * Copyright (C) 2019 M. Ferreira
 *
 * Permission is hereby granted, free of charge, to any person obtaining a copy
 * of this software and associated documentation files, to deal in the Software
 * without restriction. THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF
 * ANY KIND.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#define CAPACITY 1024

struct queue {
    void *items[CAPACITY];
    _Atomic size_t head;
    _Atomic size_t tail;
};

/*
 * The queue needs no lock, because only the writer moves the head and only the
 * reader moves the tail. It must never be shared by two writers.
 */
bool queue_push(struct queue *q, void *item)
{
    size_t head = atomic_load_explicit(&q->head, memory_order_relaxed);
    size_t next = (head + 1) % CAPACITY;

    /* One slot always stays empty, so that a full queue differs from an empty one. */
    if (next == atomic_load_explicit(&q->tail, memory_order_acquire))
        return false;
    q->items[head] = item;
    atomic_store_explicit(&q->head, next, memory_order_release);
    return true;
}

void *queue_pop(struct queue *q)
{
    size_t tail = atomic_load_explicit(&q->tail, memory_order_relaxed);

    if (tail == atomic_load_explicit(&q->head, memory_order_acquire))
        return NULL; /* empty */
    void *item = q->items[tail];
    atomic_store_explicit(&q->tail, (tail + 1) % CAPACITY, memory_order_release);
    return item;
}
