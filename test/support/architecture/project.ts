import { readFileSync } from "node:fs";
import { join } from "node:path";
import { collectionViolations } from "./collections";
import { cycleViolations } from "./cycles";
import { duplicateViolations } from "./duplicates";
import { effectViolations } from "./effects";
import { folderViolations } from "./folders";
import { modulesOf } from "./imports";
import { type Packages, packageViolations } from "./packages";
import { sliceViolations } from "./slices";
import { describeViolation, type Source } from "./source";
import { styleViolations } from "./style";
import { testFolderViolations } from "./testFolders";

/** Every violation of the rules of docs/architecture.md in these files, as sentences; none when all is well. */
export function violationsIn(sources: Source[], packages: Packages): string[] {
  const modules = modulesOf(sources);
  return [
    ...folderViolations(modules),
    ...cycleViolations(modules),
    ...sliceViolations(modules),
    ...collectionViolations(sources),
    ...effectViolations(sources),
    ...packageViolations(modules, packages),
    ...styleViolations(sources),
    ...duplicateViolations(sources),
    ...testFolderViolations(sources),
  ].map(describeViolation);
}

interface Manifest {
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
}

/** The packages of package.json, with the peers that npm installs beside them by the lock file. */
export function readPackages(root: string): Packages {
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
    packages: Record<string, Manifest | undefined>;
  };
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Manifest;
  const withPeers = (declared: Record<string, string> = {}): string[] =>
    Object.keys(declared).flatMap((name) => [
      name,
      ...Object.keys(packages[`node_modules/${name}`]?.peerDependencies ?? {}),
    ]);
  return { production: Object.keys(manifest.dependencies ?? {}), development: withPeers(manifest.devDependencies) };
}
