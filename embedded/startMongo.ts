import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { mongoAnswers, mongodPid } from "./readiness";
import { startWithParentWatch, startScript } from "./child";
import { chooseMongo, type MongoChoice } from "./mongod/choose";
import { givenService, makeFolder, type Service, type ServiceOptions, type ServiceSpec, runService } from "./service";
import { refuseInProduction } from "./production";

/** The database every process of Cairn uses. */
const DATABASE = "cairn";

/**
 * Gives a MongoDB to use: the one `MONGODB_URI` names, else a real `mongod` as a child process, else the embedded
 * server; both on loopback. Each kind, and each release series of `mongod`, has a data folder of its own, because
 * neither reads the other's files; a change of kind is reported, because the data of the other kind is not used then.
 *
 * @throws BootError when it does not start
 */
export async function startMongo(options: ServiceOptions): Promise<Service> {
  const given = options.env["MONGODB_URI"];
  if (given !== undefined && given !== "") return givenService("mongo", given, "given by MONGODB_URI");
  refuseInProduction(options.env, "MONGODB_URI");

  const base = makeFolder(options.dataDir);
  const report = (line: string) => options.report?.({ service: "mongo", line });
  const choice = await chooseMongo({ ...options, dataDir: base, report });
  const folderName = choice.kind === "embedded" ? "mongo" : `mongod-${choice.version.split(".").slice(0, 2).join(".")}`;
  reportChange(base, folderName, report);
  const dataDir = makeFolder(join(base, folderName));
  const pidFile = join(base, "mongo.pid");
  const spec = choice.kind === "embedded" ? embeddedSpec(dataDir, options) : mongodSpec(choice, dataDir, options);
  return runService({ name: "mongo", pidFile, dataDir, url, startTimeoutMs: 60_000, ...spec(pidFile) }, options);
}

type OwnSpec = (pidFile: string) => Pick<ServiceSpec, "how" | "title" | "launch" | "isReady" | "where">;

function embeddedSpec(dataDir: string, { env, report }: ServiceOptions): OwnSpec {
  let ready = false;
  return (pidFile) => ({
    how: "embedded",
    title: "embedded MongoDB server",
    launch(port) {
      ready = false;
      const args = ["--port", String(port), "--data", dataDir, "--die-with-parent"];
      const child = startScript("embedded/mongo/main.ts", args, {
        pidFile,
        record: { marks: [join("mongo", "main.ts"), dataDir], folder: join(__dirname, "..") },
        env,
      });
      child.onErrorLine((line) => report?.({ service: "mongo", line }));
      child.onLine((line) => (ready ||= line.startsWith('{"ready":true')));
      return child;
    },
    isReady: async (port) => ready && mongoAnswers(port),
    where: (port) => `embedded MongoDB server on 127.0.0.1:${port}`,
  });
}

function mongodSpec(
  { path, version }: MongoChoice & { kind: "mongod" },
  dataDir: string,
  { env }: ServiceOptions,
): OwnSpec {
  return (pidFile) => ({
    how: "child",
    title: "mongod",
    launch: (port) =>
      startWithParentWatch(path, mongodArguments(port, dataDir), {
        pidFile,
        record: { marks: ["mongod", dataDir], folder: dataDir },
        env,
      }),
    isReady: async (port, pid) => (await mongoAnswers(port)) && (await mongodPid(port)) === pid,
    where: (port) => `mongod ${version} on 127.0.0.1:${port}`,
  });
}

function mongodArguments(port: number, dataDir: string): string[] {
  const address = ["--bind_ip", "127.0.0.1", "--port", String(port)];
  // Another mongod may own the socket file of this port.
  const quiet = ["--quiet", ...(process.platform === "win32" ? [] : ["--nounixsocket"])];
  return ["--dbpath", dataDir, ...address, ...quiet];
}

function url(port: number): string {
  return `mongodb://127.0.0.1:${port}/${DATABASE}`;
}

/** Reports when the last start used another kind of server and left data behind. */
function reportChange(base: string, folderName: string, report: (line: string) => void): void {
  const record = join(base, "mongo-folder");
  const previous = existsSync(record) ? readFileSync(record, "utf8") : folderName;
  writeFileSync(record, folderName);
  const left = join(base, previous);
  if (previous === folderName || !existsSync(left) || readdirSync(left).length === 0) return;
  report(
    `the data is in ${join(base, folderName)} from now on; the last start used ${left}, which stays and is not read`,
  );
}
