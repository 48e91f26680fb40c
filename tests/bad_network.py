#!/usr/bin/env python3
# bad_network.py A B DELAY_S LOSS: a line between two network namespaces: a device "line" in each, whose packets come
# out of the other DELAY_S later, but for a fraction LOSS of them, which are lost. In place of tc's netem, which few
# kernels of containers have. Prints "ready"; ends when it is killed.
import ctypes
import fcntl
import heapq
import os
import random
import select
import struct
import sys
import time

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000


def device(namespace):
    with open(f"/var/run/netns/{namespace}") as at:
        if ctypes.CDLL(None, use_errno=True).setns(at.fileno(), 0):
            sys.exit(f"{namespace}: cannot be entered")
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH", b"line", IFF_TUN | IFF_NO_PI))
    return fd


ends = [device(name) for name in sys.argv[1:3]]
delay_s, loss = float(sys.argv[3]), float(sys.argv[4])
random.seed(1)
other = {ends[0]: ends[1], ends[1]: ends[0]}
waiting, number = [], 0  # by time, then in order
print("ready", flush=True)
while True:
    pause = max(0, waiting[0][0] - time.monotonic()) if waiting else None
    for fd in select.select(ends, [], [], pause)[0]:
        packet = os.read(fd, 65536)
        if random.random() >= loss:
            number += 1
            heapq.heappush(waiting, (time.monotonic() + delay_s, number, other[fd], packet))
    while waiting and waiting[0][0] <= time.monotonic():
        _, _, fd, packet = heapq.heappop(waiting)
        try:
            os.write(fd, packet)
        except OSError:  # the device is not up yet, or full: lost as well
            pass
