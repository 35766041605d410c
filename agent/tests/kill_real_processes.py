#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Kills the real processes of a virtual device, again and again, while it takes one update after the other.

Real binaries throughout: aseptic (publisher), aseptic-fleet (server), aseptic-boot, the pump images with the agent in them.
Each round picks one process of the device at random (boot itself = a power cut, init, therapy, the agent's supervisor, acquire,
apply) and sends SIGKILL. The device must always start an image that verifies and end on the newest release; its log must
verify, and a second agent on the same device must be refused. Only processes started here are touched: descendants of the boot process of this test.

usage: kill_real_processes.py BIN_DIR [--kills 50] [--seed N]
"""
import argparse
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

PRODUCT = "22222222-2222-4222-8222-222222222222"
DESCRIPTION = """[release]
id = "pump-{version}"
version = "{version}"
sequence = {sequence}
vendor = "11111111-1111-4111-8111-111111111111"
product = "{product}"
class = "33333333-3333-4333-8333-333333333333"
agent_min = "0.1.0"
[release.sources]
min = 0
max = 1000
[[release.hardware]]
id = "44444444-4444-4444-8444-444444444444"
min = 1
max = 9
[safety]
class = "function"
states = ["idle"]
downtime_s_max = 60
restart = "device"
essential_performance = "none while idle"
energy_mwh_min = 0
[[safety.jurisdictions]]
code = "EU"
approval = "CE 0000"
[[component]]
id = "55555555-5555-4555-8555-555555555555"
name = "pump"
type = "image"
location = "slot"
epoch = 1
"""
UPDATE_LIMIT_S = 240
KILL_PAUSE_S = (0.05, 2.0)


class Workshop:
    """The publisher's side, in a folder of its own."""

    def __init__(self, folder, bin_dir):
        self.folder, self.bin = folder, bin_dir

    def aseptic(self, *arguments):
        done = subprocess.run([self.bin / "aseptic", "--profile", "development", *arguments], cwd=self.folder, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"aseptic {' '.join(map(str, arguments))}: {done.stderr or done.stdout}")

    def image(self, sequence):
        version = f"{sequence}.0.0"
        (self.folder / f"r{sequence}.toml").write_text(
            DESCRIPTION.format(version=version, sequence=sequence, product=PRODUCT))
        program = self.bin / ("pump_v1" if sequence % 2 else "pump_v2")
        self.aseptic("image", "build", "--description", f"r{sequence}.toml", "--builder", "builder", "--release-key",
                     "release-image", "--exec", program, "--out", f"pump{sequence}.img")
        self.aseptic("image", "sign", f"pump{sequence}.img", "--key", "builder", "--yes")
        self.aseptic("image", "release", f"pump{sequence}.img", "--key", "release-image", "--builder", "builder", "--yes")
        return version

    def begin(self):
        self.aseptic("keys", "create", "root-a", "root-b", "root-c", "rel-a", "rel-b")
        self.aseptic("keys", "create", "--algorithm", "p256", "builder", "snap", "time", "pidx")
        self.aseptic("keys", "create", "--algorithm", "slh-dsa", "release-image")
        self.aseptic("pki", "init", "--dns", "localhost", "--address", "127.0.0.1")
        self.aseptic("pki", "server", "--dns", "localhost", "--address", "127.0.0.1")
        self.aseptic("repo", "init", "REPO", *[x for r in "abc" for x in ("--root", f"root-{r}")], "--release", "rel-a",
                     "--release", "rel-b", "--snapshot", "snap", "--timestamp", "time", "--out", "E1")
        for key in ("root-a", "root-b"):
            self.aseptic("sign", "E1/root.signing.json", "--key", key, "--yes")
        self.aseptic("repo", "delegate", "REPO", "--signing", "E1/targets.signing.json", "--name", "payload-index",
                     "--path", "payload-index/*", "--path", "payloads/*", "--key", "pidx")
        self.publish(1, "--with", "E1/root.signing.json")

    def publish(self, sequence, *more):
        version = self.image(sequence)
        signing = f"E{sequence}/targets.signing.json"
        (self.folder / f"E{sequence}").mkdir(exist_ok=True)
        self.aseptic("release", "create", "REPO", "--signing", signing, "--description", f"r{sequence}.toml", "--image",
                     f"pump{sequence}.img", "--builder", "builder", "--release-key", "release-image", "--zstd-level", "1")
        self.aseptic("channel", "set", "REPO", "--signing", signing, "--product", PRODUCT, "--release", f"pump-{version}")
        root = [] if sequence == 1 else ["--root", "REPO/metadata/1.root.json"]
        for key in ("rel-a", "rel-b"):
            self.aseptic("sign", signing, "--key", key, "--yes", *root)
        self.aseptic("release", "publish", "REPO", "--signing", signing, *more, "--role-key", "pidx", "--snapshot-key",
                     "snap", "--timestamp-key", "time")
        return version

    def try_again(self, sequence, attempt):
        """A process that dies in a trial is a failed trial: boot quarantines the image, a higher attempt number cures it."""
        folder = f"E{sequence}-{attempt}"
        (self.folder / folder).mkdir()
        signing = f"{folder}/targets.signing.json"
        self.aseptic("channel", "set", "REPO", "--signing", signing, "--product", PRODUCT, "--release", f"pump-{sequence}.0.0",
                     "--attempt", str(attempt))
        for key in ("rel-a", "rel-b"):
            self.aseptic("sign", signing, "--key", key, "--yes", "--root", "REPO/metadata/1.root.json")
        self.aseptic("repo", "publish", "REPO", signing, "--snapshot-key", "snap", "--timestamp-key", "time")

    def provision(self, port):
        self.aseptic("device", "provision", "DEV", "--id", "pump-0001", "--description", "r1.toml", "--image", "pump1.img",
                     "--builder", "builder", "--release-key", "release-image", "--root", "REPO/metadata/1.root.json", "--jurisdiction", "EU", "--repository-url",
                     f"https://localhost:{port}", "--report-url", f"https://localhost:{port}/v1/reports", "--poll", "1", "--without-policy")
        return self.folder / "DEV"

    def serve(self):
        server = subprocess.Popen([self.bin / "aseptic-fleet", "serve", "--repository", "REPO", "--tls-cert", "pki/server.crt",
                                   "--tls-key", "pki/server.pem", "--client-ca", "pki/ca.crt", "--listen", "127.0.0.1:0",
                                   "--store", "fleet.db"], cwd=self.folder, stdout=subprocess.PIPE, text=True)
        line = server.stdout.readline()
        port = line.strip().rsplit(":", 1)[-1].split("/")[0].split()[0]
        if not port.isdigit():
            sys.exit(f"aseptic-fleet said {line!r}")
        return server, int(port)


class Device:
    """One virtual device: its boot process and what descends from it."""

    def __init__(self, folder, bin_dir, log):
        self.folder, self.bin, self.log, self.boot = folder, bin_dir, log, None

    def power_on(self):
        self.boot = subprocess.Popen([self.bin / "aseptic-boot", "run", self.folder], stdout=self.log, stderr=self.log)

    def ensure_on(self):
        if self.boot.poll() is not None:
            self.power_on()

    def power_off(self):
        self.boot.kill()
        self.boot.wait()

    def processes(self):
        """Descendants of boot, boot first."""
        parents = {}
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    stat = (entry / "stat").read_text()
                    parents[int(entry.name)] = int(stat.rsplit(")", 1)[1].split()[1])
                except (OSError, IndexError, ValueError):
                    continue
        found = [self.boot.pid]
        for pid in found:
            found += [child for child, parent in parents.items() if parent == pid]
        return found

    def status(self):
        done = subprocess.run([self.bin / "asepticd", "status", self.folder, "--json"], capture_output=True, text=True)
        try:
            return json.loads(done.stdout) if done.returncode == 0 else {}
        except json.JSONDecodeError:
            return {}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin_dir", type=pathlib.Path)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=int(os.environ.get("ASEPTIC_SEED", "1")))
    options = parser.parse_args()
    print(f"seed={options.seed}", flush=True)
    choose = random.Random(options.seed)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="aseptic-kill-"))
    shop = Workshop(folder, options.bin_dir.resolve())
    shop.begin()
    server, port = shop.serve()
    device = Device(shop.provision(port), shop.bin, open(folder / "boot.log", "w"))
    device.power_on()
    kills, by_kind, sequence, problem = 0, {}, 1, None
    try:
        while kills < options.kills and problem is None:
            sequence += 1
            shop.publish(sequence)
            kills, problem = run_update(shop, device, sequence, kills, options.kills, choose, by_kind)
        if problem is None:
            problem = settle(device, f"{sequence}.0.0") or refuse_second_agent(device)
    finally:
        device.power_off()
        server.kill()
        server.wait()
    problem = problem or check_log(shop, device, folder)
    print(f"kills={kills} updates={sequence - 1} {by_kind}")
    if problem:
        print(f"FAILED: {problem}; evidence in {folder}")
        return 1
    shutil.rmtree(folder)
    return 0


def run_update(shop, device, sequence, kills, kills_max, choose, by_kind):
    """Until the device runs that release confirmed, with kills in between."""
    version, attempt = f"{sequence}.0.0", 1
    end = time.monotonic() + UPDATE_LIMIT_S
    while time.monotonic() < end:
        device.ensure_on()
        status = device.status()
        if status.get("running_version") == version and status.get("state") in ("IN_SERVICE", "SYNCED", "IDLE"):
            return kills, None
        if status.get("last_error") == "trust.attempt":
            attempt += 1
            shop.try_again(sequence, attempt)
            by_kind["failed trial"] = by_kind.get("failed trial", 0) + 1
            time.sleep(3)
        time.sleep(choose.uniform(*KILL_PAUSE_S))
        processes = device.processes()
        # Every third round without a kill, so that the update can get on.
        if kills < kills_max and choose.random() < 0.66 and processes:
            if len(processes) < 6 and choose.random() < 0.7:
                continue  # while the device starts there is little but boot; mostly wait for the rest
            index = choose.randrange(len(processes))
            try:
                os.kill(processes[index], signal.SIGKILL)
            except ProcessLookupError:
                continue
            if index == 0:
                device.boot.wait()
            kills += 1
            kind = "boot (power cut)" if index == 0 else "process of the device"
            by_kind[kind] = by_kind.get(kind, 0) + 1
    return kills, f"version {version} was not confirmed within {UPDATE_LIMIT_S} s: {device.status()}"


def settle(device, version):
    """Two undisturbed starts: boot records both slots, the agent is idle."""
    end = time.monotonic() + UPDATE_LIMIT_S
    while time.monotonic() < end:
        device.ensure_on()
        status = device.status()
        if status.get("running_version") == version and status.get("state") == "IDLE":
            return None
        if status.get("why") == "waits_for_start":
            device.power_off()
        time.sleep(0.5)
    return f"the device did not come to rest: {device.status()}"


def refuse_second_agent(device):
    """AP-10: while the device's own agent works, another one ends at once with status 3."""
    done = subprocess.run([device.bin / "asepticd", "run", device.folder], capture_output=True, text=True, timeout=60)
    if done.returncode != 3:
        return f"a second agent ended with {done.returncode}: {done.stderr}"
    return None if device.status().get("state") else "the first agent does not answer any more"


def check_log(shop, device, folder):
    text = (folder / "boot.log").read_text()
    if "NOTHING_BOOTS" in text:
        return "boot found no image that verifies"
    logs = sorted((device.folder / "agent" / "log").glob("*.log"))
    done = subprocess.run([shop.bin / "aseptic", "log", "verify", *logs], cwd=folder, capture_output=True, text=True)
    return None if done.returncode == 0 else f"the device log does not verify: {done.stderr}"


if __name__ == "__main__":
    sys.exit(main())
