#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The demo, run as a test; and, while it runs, a look from outside at every process of the device: none may listen.

A process of the device is one below `aseptic-boot run`. A listening socket is a TCP socket in state LISTEN, or a UDP
socket that is not connected, in the process's own network view. Unix sockets are files and are allowed.

usage: run_demo.py DEMO_SH BIN_FOLDER WORK_FOLDER
"""
import os
import pathlib
import re
import subprocess
import sys
import time

TCP_LISTEN, UDP_UNCONNECTED = "0A", "07"


def processes():
    """{pid: (parent, command line)}"""
    found = {}
    for folder in pathlib.Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            stat = (folder / "stat").read_text()
            command = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        found[int(folder.name)] = (int(stat.rsplit(")", 1)[1].split()[1]), command)
    return found


def below(pid, table):
    found, grew = {pid}, True
    while grew:
        more = {child for child, (parent, _) in table.items() if parent in found} - found
        found |= more
        grew = bool(more)
    return found


def device_processes(demo, table):
    boots = [pid for pid in below(demo, table)
             if table.get(pid) and table[pid][1][0].endswith("aseptic-boot") and table[pid][1][1:2] == ["run"]]
    return {pid for boot in boots for pid in below(boot, table)}


def listening_sockets(pid):
    inodes = set()
    for family, state in (("tcp", TCP_LISTEN), ("tcp6", TCP_LISTEN), ("udp", UDP_UNCONNECTED), ("udp6", UDP_UNCONNECTED)):
        for line in pathlib.Path(f"/proc/{pid}/net/{family}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == state:
                inodes.add(fields[9])
    held = []
    for entry in os.scandir(f"/proc/{pid}/fd"):
        match = re.fullmatch(r"socket:\[(\d+)\]", os.readlink(entry.path))
        if match and match[1] in inodes:
            held.append(match[1])
    return held


def main():
    demo_sh, programs, work = sys.argv[1:]
    environment = dict(os.environ, ASEPTIC_BIN=programs, ASEPTIC_DEMO_FOLDER=work)
    demo = subprocess.Popen(["bash", demo_sh], env=environment)
    looks, problems = 0, []
    while demo.poll() is None:
        table = processes()
        for pid in device_processes(demo.pid, table):
            try:
                for inode in listening_sockets(pid):
                    problems.append(f"process {pid} ({' '.join(table[pid][1][:2])}) listens on socket {inode}")
                looks += 1
            except OSError:
                pass  # it ended meanwhile
        time.sleep(0.2)  # the demo runs on the real clock; this only paces the looks
    print(f"\nlooked at {looks} processes of the device, {len(problems)} listening sockets")
    for problem in sorted(set(problems)):
        print(problem)
    if looks < 20:
        sys.exit("the device's processes were hardly seen: the look from outside proves nothing")
    return demo.returncode or (1 if problems else 0)


if __name__ == "__main__":
    sys.exit(main())
