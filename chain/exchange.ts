import type { JsonRpcPayload } from "ethers";
import { TransientError } from "../core/errors";
import type { FailoverProvider } from "./provider";

/** Most calls in one HTTP body; providers refuse larger batches. */
const MAX_BATCH = 50;

/** Questions that go to the chain together; what is asked for twice is sent once. */
export class Exchange {
  private readonly payloads: JsonRpcPayload[] = [];
  private readonly known = new Map<string, number>();

  constructor(private readonly provider: FailoverProvider) {}

  /** Adds a question. @returns the id by which the answers of {@link send} have its answer */
  ask(method: string, params: unknown[]): number {
    const id = this.payloads.length + 1;
    this.payloads.push({ id, jsonrpc: "2.0", method, params: params as never });
    return id;
  }

  /** Adds a call of a view function at the latest block. @returns as {@link ask} */
  call(to: string, data: string): number {
    const name = `${to}:${data}`;
    const known = this.known.get(name);
    if (known !== undefined) return known;
    const id = this.ask("eth_call", [{ to, data }, "latest"]);
    this.known.set(name, id);
    return id;
  }

  /**
   * Sends all questions.
   *
   * @returns the answers by id
   * @throws TransientError `rpc.unreachable` when no endpoint answers, `rpc.failed` when a question has no answer
   */
  async send(): Promise<ReadonlyMap<number, unknown>> {
    const bodies: JsonRpcPayload[][] = [];
    for (let first = 0; first < this.payloads.length; first += MAX_BATCH) {
      bodies.push(this.payloads.slice(first, first + MAX_BATCH));
    }
    const results = (await Promise.all(bodies.map((body) => this.provider._send(body)))).flat();
    const answers = new Map<number, unknown>();
    for (const result of results) if ("result" in result) answers.set(result.id, result.result);
    const missing = this.payloads.find(({ id }) => answers.get(id) === undefined || answers.get(id) === null);
    if (missing === undefined) return answers;
    throw new TransientError("rpc.failed", `The chain did not answer ${missing.method} as it should.`);
  }
}
