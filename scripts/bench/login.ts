/**
 * Measures whether the time of a refused login reveals that an account exists: interleaved logins with a wrong password at
 * an existing account and at none, over HTTP. Prints medians and the spread; asserts nothing.
 *
 * Usage: node --require ./scripts/typescript.cjs scripts/bench/login.ts [API origin] [logins of each kind]
 * The API must run with LOGIN_LIMITS=false.
 */
import { randomBytes } from "node:crypto";

const [origin = "http://127.0.0.1:3000", roundsText = "300"] = process.argv.slice(2);
const rounds = Number(roundsText);

async function post(path: string, body: object): Promise<{ status: number; ms: number }> {
  const startedMs = performance.now();
  const response = await fetch(origin + path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  await response.arrayBuffer();
  return { status: response.status, ms: performance.now() - startedMs };
}

function quantile(sorted: number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

function report(kind: string, times: number[]): void {
  const sorted = [...times].sort((left, right) => left - right);
  const figures = [0.05, 0.5, 0.95].map((share) => quantile(sorted, share).toFixed(2).padStart(8));
  console.log(`${kind.padEnd(22)}${figures.join("")}`);
}

/** The share of random pairs in which the first is the longer one: 0.5 when their times do not differ. */
function separability(first: number[], second: number[]): number {
  let longer = 0;
  for (const left of first) for (const right of second) longer += left > right ? 1 : left === right ? 0.5 : 0;
  return longer / (first.length * second.length);
}

async function main(): Promise<void> {
  const existing = `${randomBytes(6).toString("hex")}@example.org`;
  const password = `bench ${randomBytes(9).toString("base64url")}`;
  const registered = await post("/auth/register", { email: existing, password, name: "Bench" });
  if (registered.status !== 201)
    throw new Error(`registering answered ${registered.status}; is ${origin} a Cairn API?`);

  const times: Record<"existing" | "unknown" | "right", number[]> = { existing: [], unknown: [], right: [] };
  for (let round = -20; round < rounds; round += 1) {
    const unknown = `${randomBytes(6).toString("hex")}@example.org`;
    const order = round % 2 === 0 ? (["existing", "unknown"] as const) : (["unknown", "existing"] as const);
    for (const kind of order) {
      const email = kind === "existing" ? existing : unknown;
      const { status, ms } = await post("/auth/login", { email, password: "not the right one" });
      if (status !== 401) throw new Error(`a wrong password answered ${status}; run the API with LOGIN_LIMITS=false`);
      if (round >= 0) times[kind].push(ms);
    }
    const right = await post("/auth/login", { email: existing, password });
    if (round >= 0) times.right.push(right.ms);
  }

  const heads = ["5 %", "50 %", "95 %"].map((head) => head.padStart(8)).join("");
  console.log(`${rounds} logins of each kind over HTTP, in ms`);
  console.log(`${"".padEnd(22)}${heads}`);
  report("wrong, existing", times.existing);
  report("wrong, unknown", times.unknown);
  report("right", times.right);
  console.log(`separability by time: ${separability(times.existing, times.unknown).toFixed(3)} (0.5: none)`);
}

void main();
