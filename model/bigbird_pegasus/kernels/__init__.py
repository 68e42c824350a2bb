"""What depends on the processor: instruction classes, the allocator, packed weights."""
