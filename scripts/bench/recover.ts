import { SigningKey, Wallet, id, keccak256, toUtf8Bytes, verifyMessage } from "ethers";
import { type Recovery, recoverAddress, recovery } from "../../chain/signature";

/** How long each way measures, after a warm-up of the same code. */
const MEASURED_MS = 2_000;
const WARM_UP_MS = 300;

/** Measures what it costs to find out who signed: the hot path of every wallet login, link and presentation. */
function main(): void {
  const key = new SigningKey(Wallet.createRandom().privateKey);
  const digest = id("cairn");
  const { serialized } = key.sign(digest);
  const ways: [string, () => unknown][] = [];
  const by = (way: Recovery) => () => recoverAddress(digest, serialized, way);
  if (recovery === "native") ways.push(["recoverAddress, native secp256k1", by("native")]);
  ways.push(["recoverAddress, JavaScript (noble in ethers)", by("javascript")]);
  ways.push(["ethers.verifyMessage of 300 bytes", () => verifyMessage("x".repeat(300), serialized)]);
  ways.push(["keccak-256 of 300 bytes (ethers)", () => keccak256(toUtf8Bytes("x".repeat(300)))]);

  console.log(`${process.version} ${process.platform}-${process.arch}; in use here: ${recovery}\n`);
  console.log("way                                    µs/call      calls/s");
  for (const [name, call] of ways) {
    run(call, WARM_UP_MS);
    const { calls, ms } = run(call, MEASURED_MS);
    const microseconds = (ms * 1000) / calls;
    console.log(
      `${name.padEnd(36)} ${microseconds.toFixed(1).padStart(9)} ${Math.round(calls / (ms / 1000))
        .toString()
        .padStart(12)}`,
    );
  }
}

function run(call: () => unknown, forMs: number): { calls: number; ms: number } {
  const startedAt = performance.now();
  let calls = 0;
  while (performance.now() - startedAt < forMs) {
    for (let repeat = 0; repeat < 10; repeat += 1) call();
    calls += 10;
  }
  return { calls, ms: performance.now() - startedAt };
}

main();
