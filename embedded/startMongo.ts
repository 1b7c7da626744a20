import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { mongoAnswers, mongodPid } from "./answers";
import { startGuarded, startScript } from "./child";
import { chooseMongo, type MongoChoice } from "./mongod/choose";
import { givenPart, makeFolder, type Part, type PartOptions, type PartRecipe, runPart } from "./part";
import { refuseInProduction } from "./production";

/** The database every process of Cairn uses. */
const DATABASE = "cairn";

/**
 * Gives a MongoDB to use: the one `MONGODB_URI` names, else a real `mongod` as a child process, else the embedded
 * server; both on loopback. Each kind, and each release series of `mongod`, has a data folder of its own, because
 * neither reads the other's files; a change of kind is reported, for the data of the other kind is not seen then.
 *
 * @throws BootError when it does not start
 */
export async function startMongo(options: PartOptions): Promise<Part> {
  const given = options.env["MONGODB_URI"];
  if (given !== undefined && given !== "") return givenPart("mongo", given, "given by MONGODB_URI");
  refuseInProduction(options.env, "MONGODB_URI");

  const base = makeFolder(options.dataDir);
  const say = (line: string) => options.report?.({ part: "mongo", line });
  const choice = await chooseMongo({ ...options, dataDir: base, say });
  const folderName = choice.kind === "embedded" ? "mongo" : `mongod-${choice.version.split(".").slice(0, 2).join(".")}`;
  reportChange(base, folderName, say);
  const dataDir = makeFolder(join(base, folderName));
  const pidFile = join(base, "mongo.pid");
  const recipe = choice.kind === "embedded" ? embeddedRecipe(dataDir, options) : mongodRecipe(choice, dataDir, options);
  return runPart({ name: "mongo", pidFile, dataDir, url, silenceMs: 60_000, ...recipe(pidFile) }, options);
}

type OwnRecipe = (pidFile: string) => Pick<PartRecipe, "how" | "title" | "launch" | "answers" | "where">;

function embeddedRecipe(dataDir: string, { env }: PartOptions): OwnRecipe {
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
      child.onLine((line) => (ready ||= line.startsWith('{"ready":true')));
      return child;
    },
    answers: async (port) => ready && mongoAnswers(port),
    where: (port) => `embedded MongoDB server on 127.0.0.1:${port}`,
  });
}

function mongodRecipe(
  { path, version }: MongoChoice & { kind: "mongod" },
  dataDir: string,
  { env }: PartOptions,
): OwnRecipe {
  return (pidFile) => ({
    how: "child",
    title: "mongod",
    launch: (port) =>
      startGuarded(path, mongodArguments(port, dataDir), {
        pidFile,
        record: { marks: ["mongod", dataDir], folder: dataDir },
        env,
      }),
    answers: async (port, pid) => (await mongoAnswers(port)) && (await mongodPid(port)) === pid,
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

/** Says when the last start used another kind of server and left data behind. */
function reportChange(base: string, folderName: string, say: (line: string) => void): void {
  const memory = join(base, "mongo-folder");
  const previous = existsSync(memory) ? readFileSync(memory, "utf8") : folderName;
  writeFileSync(memory, folderName);
  const left = join(base, previous);
  if (previous === folderName || !existsSync(left) || readdirSync(left).length === 0) return;
  say(`the data is in ${join(base, folderName)} from now on; the last start used ${left}, which stays and is not read`);
}
