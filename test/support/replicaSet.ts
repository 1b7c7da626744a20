import { mongo } from "mongoose";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Child, readRecord, startWithParentWatch } from "../../embedded/child";
import { freePort } from "../../embedded/ports";
import { eventually } from "./eventually";

const NAME = "cairn";
const MEMBERS = 3;

/** Three `mongod` of one replica set on loopback, of which one takes writes. */
export interface ReplicaSet {
  uri: string;
  /** The primary hands over to another member (`replSetStepDown`). */
  stepDown(): Promise<void>;
  /** The primary is killed at once; the others elect another. */
  killPrimary(): Promise<void>;
  stop(): Promise<void>;
}

interface Member {
  port: number;
  pidFile: string;
  child: Child;
}

/** Starts a replica set of three with this `mongod`, and waits until it takes writes. */
export async function startReplicaSet(mongod: string): Promise<ReplicaSet> {
  const folder = mkdtempSync(join(tmpdir(), "cairn-replica-set-"));
  const members: Member[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(members.map(({ child }) => child.stop()));
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    for (let i = 0; i < MEMBERS; i++) members.push(startMember(mongod, join(folder, String(i)), await freePort()));
    const hosts = members.map(({ port }) => `127.0.0.1:${port}`);
    await initiate(hosts);
    await eventually("a primary", async () => (await primaryOf(members)) !== undefined, 60_000);
    return {
      uri: `mongodb://${hosts.join()}/cairn?replicaSet=${NAME}`,
      async stepDown() {
        const primary = await eventually("a primary", () => primaryOf(members), 60_000);
        await command(primary.port, { replSetStepDown: 10, secondaryCatchUpPeriodSecs: 5, force: true });
      },
      async killPrimary() {
        const primary = await eventually("a primary", () => primaryOf(members), 60_000);
        const record = readRecord(primary.pidFile);
        if (record === null) throw new Error(`mongod on port ${primary.port} has no process on record`);
        process.kill(record.pid, "SIGKILL");
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function startMember(mongod: string, dataDir: string, port: number): Member {
  mkdirSync(dataDir);
  const pidFile = `${dataDir}.pid`;
  const address = ["--bind_ip", "127.0.0.1", "--port", String(port), "--nounixsocket"];
  // --oplogSize is in MiB: a test needs no five per cent of the disk.
  const args = ["--replSet", NAME, "--dbpath", dataDir, "--oplogSize", "64", "--quiet", ...address];
  const record = { marks: ["mongod", dataDir], folder: dataDir };
  return { port, pidFile, child: startWithParentWatch(mongod, args, { pidFile, record, env: process.env }) };
}

async function initiate(hosts: string[]): Promise<void> {
  const config = {
    _id: NAME,
    members: hosts.map((host, _id) => ({ _id, host })),
    settings: { electionTimeoutMillis: 2_000 },
  };
  const ports = hosts.map((host) => Number(host.split(":")[1]));
  const answers = (port: number) =>
    command(port, { ping: 1 }).then(
      () => true,
      () => false,
    );
  await eventually("three servers", async () => (await Promise.all(ports.map(answers))).every(Boolean), 60_000);
  await command(ports[0] as number, { replSetInitiate: config });
}

async function primaryOf(members: readonly Member[]): Promise<Member | undefined> {
  const asked = members.map(async (member) => {
    // A member that was killed does not answer.
    const hello = await command(member.port, { hello: 1 }).catch(() => undefined);
    return hello?.["isWritablePrimary"] === true ? member : undefined;
  });
  return (await Promise.all(asked)).find((member) => member !== undefined);
}

async function command(port: number, asked: mongo.Document): Promise<mongo.Document> {
  const options = { directConnection: true, serverSelectionTimeoutMS: 2_000 };
  const client = new mongo.MongoClient(`mongodb://127.0.0.1:${port}`, options);
  try {
    return await client.db("admin").command(asked);
  } finally {
    await client.close();
  }
}
