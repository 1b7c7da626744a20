import { readFileSync } from "node:fs";
import { Agent, request } from "node:http";

/** What a wallet posts, and from which address. */
export interface Submission {
  form: string;
  address: string;
}

/** The first argument of the process that submits, as JSON. */
export interface LoadOptions {
  url: string;
  /** A JSON file of submissions. */
  file: string;
  connections: number;
}

/** Submits every response of a file once, so many at a time; fails unless each is taken. */
async function main(): Promise<void> {
  const { url, file, connections } = JSON.parse(process.argv[2] ?? "") as LoadOptions;
  const submissions = JSON.parse(readFileSync(file, "utf8")) as Submission[];
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  let next = 0;
  await Promise.all(
    Array.from({ length: connections }, async () => {
      for (let one = submissions[next++]; one !== undefined; one = submissions[next++]) await submit(url, agent, one);
    }),
  );
  agent.destroy();
}

function submit(url: string, agent: Agent, { form, address }: Submission): Promise<void> {
  const headers = {
    "content-type": "application/x-www-form-urlencoded",
    "content-length": Buffer.byteLength(form),
    "x-forwarded-for": address,
  };
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: "POST", agent, headers }, (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => (text += chunk.toString()));
      response.on("end", () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`a response was answered with ${response.statusCode ?? 0}: ${text}`));
      });
    });
    sent.on("error", reject);
    sent.end(form);
  });
}

main().catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exitCode = 1;
});
