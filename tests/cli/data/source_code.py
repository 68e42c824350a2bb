#!/usr/bin/env python3
# Copyright (c) 2023 Harbour Tools. All rights reserved.
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.

"""Read tide gauges and decide when the lock gates must close.

The gauges send one value a second, but single values are noise: waves of
passing ships are as high as the tide in an hour. So the level is the median
of the last ninety seconds.
"""

import json
import socket
from collections import deque
from statistics import median

PORT = 7070
WINDOW = 90  # seconds
LIMIT = 2.35


class Gauge:
    """One gauge and its last values."""

    def __init__(self, name, window=WINDOW):
        self.name = name
        self.values = deque(maxlen=window)

    def add(self, value):
        # A gauge that is under ice sends -99. Such values are dropped, because
        # one of them would open the gates in the middle of a storm.
        if value == -99:
            return
        self.values.append(value)

    @property
    def level(self):
        return median(self.values) if self.values else None


def gates_must_close(gauges, limit=LIMIT):
    """Whether two gauges or more are above the limit.

    One gauge alone never closes the gates, since closing them costs the port
    about 4,000 euros an hour.
    """
    above = [g for g in gauges if g.level is not None and g.level > limit]
    return len(above) >= 2


def main():
    gauges = {}
    with socket.create_server(("", PORT)) as server:
        while True:
            connection, _ = server.accept()
            with connection, connection.makefile() as lines:
                for line in lines:
                    message = json.loads(line)
                    gauge = gauges.setdefault(message["name"], Gauge(message["name"]))
                    gauge.add(message["value"])
            if gates_must_close(gauges.values()):
                print("CLOSE", flush=True)  # TODO: use the radio


if __name__ == "__main__":
    main()
