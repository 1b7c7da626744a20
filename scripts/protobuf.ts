import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROOT = join(__dirname, "..");
const GENERATED = "gateway/gen";

/**
 * Makes TypeScript of the gateway's protocol: `npm run protobuf` writes `gateway/gen`, with `--check` nothing is written
 * and what differs is named. Works offline.
 */
function main(): void {
  const gateway = join(ROOT, "gateway");
  buf("lint", gateway);
  if (!process.argv.includes("--check")) {
    generate(gateway, ROOT);
    return;
  }
  const differing = differingFiles(gateway);
  if (differing.length === 0) return;
  process.stdout.write(differing.map((name) => `${GENERATED}/${name} is not what gateway/proto makes\n`).join(""));
  process.stdout.write("run npm run protobuf and commit what it writes\n");
  process.exitCode = 1;
}

/**
 * The files of a gateway's `gen/` that are missing, too many or not, byte for byte, what its `proto/` makes; paths below
 * `gen/`, sorted.
 *
 * @throws Error when buf cannot read the protocol
 */
export function differingFiles(gateway: string): string[] {
  const made = mkdtempSync(join(tmpdir(), "cairn-protobuf-"));
  try {
    generate(gateway, made);
    const [expected, committed] = [readFiles(join(made, GENERATED)), readFiles(join(gateway, "gen"))];
    const names = new Set([...expected.keys(), ...committed.keys()]);
    return [...names].filter((name) => expected.get(name) !== committed.get(name)).sort();
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
}

function generate(gateway: string, into: string): void {
  buf("generate", gateway, "--template", join(ROOT, "gateway", "buf.gen.yaml"), "--output", into);
}

function buf(...args: string[]): void {
  const { status, stdout, stderr, error } = spawnSync(
    process.execPath,
    ["node_modules/@bufbuild/buf/bin/buf", ...args],
    {
      cwd: ROOT,
      encoding: "utf8",
    },
  );
  if (status !== 0) throw new Error(`buf ${args[0] ?? ""} failed: ${stdout}${stderr}`, { cause: error });
}

/** The texts of all files of a folder by their paths, with forward slashes; none where there is no folder. */
function readFiles(folder: string): Map<string, string> {
  if (!existsSync(folder)) return new Map();
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    files.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [path.slice(folder.length + 1).replaceAll("\\", "/"), readFileSync(path, "utf8")];
    }),
  );
}

if (require.main === module) main();
