// SPDX-License-Identifier: Apache-2.0
// A stock TUF client (tuf-js) run against one of our repositories: refresh, then download each target.
// usage: node tuf_js_client.mjs NODE_MODULES METADATA_URL TARGETS_URL ROOT_JSON WORK_DIR TARGET...
// Prints one line a target, "TARGET LENGTH SHA256"; exit status 1 with one sentence when the client refuses.
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const [modules, metadataUrl, targetsUrl, root, work, ...targets] = process.argv.slice(2);
const { Updater } = createRequire(join(modules, "anchor.js"))("tuf-js");

const metadataDir = join(work, "metadata");
const targetDir = join(work, "targets");
mkdirSync(metadataDir, { recursive: true });
mkdirSync(targetDir, { recursive: true });
copyFileSync(root, join(metadataDir, "root.json"));

try {
  const updater = new Updater({
    metadataBaseUrl: metadataUrl,
    targetBaseUrl: targetsUrl,
    metadataDir,
    targetDir,
    config: { fetchRetries: 0, fetchTimeout: 10000 },
  });
  await updater.refresh();
  for (const name of targets) {
    const info = await updater.getTargetInfo(name);
    if (!info) throw new Error(`no such target: ${name}`);
    const path = await updater.downloadTarget(info);
    const bytes = readFileSync(path);
    console.log(`${name} ${bytes.length} ${createHash("sha256").update(bytes).digest("hex")}`);
  }
} catch (error) {
  console.error(`tuf-js refused: ${error.name}: ${error.message}`);
  process.exit(1);
}
