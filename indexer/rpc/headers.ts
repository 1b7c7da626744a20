import { type Header, parseHeader, quantity } from "./block";
import type { Endpoint } from "./endpoint";
import { RpcError } from "./rpcError";

/** A block by number or tag. @throws RpcError `behind` when the node does not know it */
export async function headerAt(endpoint: Endpoint, block: number | "latest" | "finalized" | "safe"): Promise<Header> {
  const tag = typeof block === "number" ? quantity(block) : block;
  const answer = await endpoint.call("eth_getBlockByNumber", [tag, false]);
  return typeof block === "number" ? parseNumbered(answer, block) : parseHeader(answer);
}

/** Several blocks by number, in the order asked for. @throws RpcError `behind` when the node does not know one of them */
export async function headersAt(endpoint: Endpoint, numbers: number[]): Promise<Header[]> {
  const calls = numbers.map((number) => ({ method: "eth_getBlockByNumber", params: [quantity(number), false] }));
  const answers = await endpoint.callAll(calls);
  return numbers.map((number, index) => parseNumbered(answers[index], number));
}

function parseNumbered(answer: unknown, number: number): Header {
  const header = parseHeader(answer);
  if (header.number === number) return header;
  throw new RpcError("inconsistent", `asked for block ${number}, the node answered with block ${header.number}`);
}
