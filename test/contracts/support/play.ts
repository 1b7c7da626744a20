import { toQuantity } from "ethers";
import { network } from "hardhat";
import type { Cast, CastMember } from "./cast";
import type { BulkPlan, PlannedWrite, Step, Who } from "./histories";
import { type BulkEntry, type ConsentTerms, RegistryModel } from "./model";
import type { DecodedEvent } from "./interfaceCodec";
import { Refusal, revertDataOf, textOf } from "./outcome";
import { Planner, type SentConsent, type SignedConsent } from "./plan";
import { callNameOf, type Write } from "./writes";

/** A log as a node gives it. */
interface RawLog {
  address: string;
  blockNumber: string;
  topics: string[];
  data: string;
}

/** One call of a history: what the model says of it, and what the chain did. */
export interface Played {
  step: Step;
  from: string;
  /** What was called. */
  what: unknown;
  nowSeconds: bigint;
  expected: { events: string[] } | { error: string };
  actual: { events: string[] } | { error: string };
  logs: DecodedEvent[];
  /** The digests of the consents that were sent. */
  digests: string[];
}

export interface Playing {
  model: RegistryModel;
  played: Played[];
  /** The last block before the history, and the last one of it with its time. */
  startBlock: number;
  endBlock: number;
  nowSeconds: bigint;
}

/** EIP-7825 limits a transaction to 16,777,216 gas. */
const GAS = toQuantity(16_000_000);

/** So many steps never need more gas than that. */
const MAX_STEPS_AT_ONCE = 24;

/** Plays a history on the cast's registry, from the state in which it is, and lets the model follow. */
export async function play(cast: Cast, history: Step[]): Promise<Playing> {
  const latest = await request<{ number: string; timestamp: string }>("eth_getBlockByNumber", "latest", false);
  const startBlock = Number(latest.number);
  const player = new Player(cast, BigInt(latest.timestamp));
  for (const step of history) await player.carryOut(step);
  await player.flush();
  await player.readLogs(startBlock);
  const { model, played, blocks } = player;
  // What was signed after the last call took time, but made no block.
  const nowSeconds = played.at(-1)?.nowSeconds ?? BigInt(latest.timestamp);
  return { model, played, startBlock, endBlock: startBlock + blocks.length, nowSeconds };
}

/** Asks the network without the layers between. */
export function request<Answer>(method: string, ...params: unknown[]): Promise<Answer> {
  return network.provider.request({ method, params }) as Promise<Answer>;
}

class Player {
  readonly model = new RegistryModel();
  readonly played: Played[] = [];
  /** The calls of each block. */
  readonly blocks: Played[][] = [];
  private readonly planner: Planner;
  private readonly unsent: SignedConsent[] = [];
  private readonly sent: SignedConsent[] = [];
  /** Calls that wait for the transaction that makes them, all at one time. */
  private waiting: { played: Played; call: { account: string; data: string } }[] = [];

  constructor(
    private readonly cast: Cast,
    private nowSeconds: bigint,
  ) {
    this.planner = new Planner(cast, this.model);
    this.nowSeconds++;
  }

  async carryOut(step: Step): Promise<void> {
    if (step.secondsLater > 0) await this.advance(step.secondsLater);
    const { act } = step;
    switch (act.kind) {
      case "call":
        return this.sendCall(step, act.who, act.write);
      case "calls":
        return this.sendCalls(step, act.who, act.writes);
      case "sign":
        this.unsent.push(this.planner.sign(act.consent, this.nowSeconds));
        return;
      case "sign and send": {
        const signed = this.planner.sign(act.consent, this.nowSeconds);
        this.sent.push(signed);
        return this.sendConsent(step, this.planner.send(signed, { is: "nothing" }));
      }
      case "send": {
        const from = act.unsent && this.unsent.length > 0 ? this.unsent : this.sent;
        const [signed] = from.splice(act.signed % Math.max(1, from.length), 1);
        if (!signed) return;
        this.sent.push(signed);
        return this.sendConsent(step, this.planner.send(signed, act.relabelling));
      }
      case "bulk":
        return this.sendBulk(step, act.entries);
    }
  }

  /** Sends what waits. */
  async flush(): Promise<void> {
    const { waiting } = this;
    if (waiting.length === 0) return;
    this.waiting = [];
    this.blocks.push(waiting.map(({ played }) => played));
    const steps = waiting.map(({ call }) => ({ account: call.account, data: call.data }));
    const data = this.cast.playerCodec.encodeCall("play", { target: this.cast.registryAddress, steps });
    await this.sendTransaction(this.cast.relayer, this.cast.playerAddress, data);
  }

  /** Reads what the calls did. */
  async readLogs(startBlock: number): Promise<void> {
    const address = [this.cast.registryAddress, this.cast.playerAddress];
    const logs = await request<RawLog[]>("eth_getLogs", { address, fromBlock: toQuantity(startBlock + 1) });
    const next = this.blocks.map(() => 0);
    for (const log of logs) {
      const block = Number(log.blockNumber) - startBlock - 1;
      const played = this.blocks[block]?.[next[block] ?? 0];
      if (!played) throw new Error("The logs are not those of this history.");
      if (log.address.toLowerCase() === this.cast.playerAddress.toLowerCase()) {
        next[block] = (next[block] ?? 0) + 1;
        const { fields } = this.cast.playerCodec.decodeEvent(log);
        if (fields["success"] !== true) played.actual = { error: this.codec.errorText(String(fields["result"])) };
        continue;
      }
      const event = this.codec.decodeEvent(log);
      if (!("events" in played.actual)) throw new Error("A call that reverted had an event.");
      played.logs.push(event);
      played.actual.events.push(textOf(event.name, event.args));
    }
  }

  private get codec() {
    return this.cast.codec;
  }

  private async advance(seconds: number): Promise<void> {
    await this.flush();
    this.nowSeconds += BigInt(seconds);
  }

  private async sendCall(step: Step, who: Who, plan: PlannedWrite): Promise<void> {
    const actor = this.planner.actor(who, plan);
    const write = this.planner.write(plan, actor, this.nowSeconds);
    // Nobody can call as a key account. An account with its own key can, but in a transaction of its own, which is
    // made where one begins anyway.
    if (!actor.playable && (actor.kind === "key account" || step.secondsLater === 0)) {
      return this.sendConsent(
        step,
        this.planner.send(this.planner.consentInstead(write, actor, this.nowSeconds), { is: "nothing" }),
      );
    }
    const way = { account: actor.address, nowSeconds: this.nowSeconds };
    const expected = outcomeOf(() => this.model.apply(write, way));
    return this.send(step, actor, this.encodeCall(write), write, expected);
  }

  private async sendCalls(step: Step, who: Who, plans: PlannedWrite[]): Promise<void> {
    const [first] = plans;
    if (!first) return;
    const actor = this.caller(this.planner.actor(who, first));
    const way = { account: actor.address, nowSeconds: this.nowSeconds };
    // All of one identity, or none of them would be its controller's.
    const identity = "identity" in first ? first.identity : 0;
    const writes = plans
      .map((plan) => ("identity" in plan ? { ...plan, identity } : plan))
      .map((plan) => this.planner.write(plan, actor, this.nowSeconds));
    const expected = outcomeOf(() => this.model.applyAll(writes.map((write) => ({ write, way }))));
    const data = this.codec.encodeCall("multicall", { data: writes.map((write) => this.encodeCall(write)) });
    return this.send(step, actor, data, writes, expected);
  }

  private sendConsent(step: Step, sent: SentConsent): Promise<void> {
    const way = { account: sent.terms.signer, nowSeconds: this.nowSeconds, consent: termsOf(sent) };
    const expected = outcomeOf(() => this.model.apply(sent.write, way));
    const consent = { ...sent.terms, signature: sent.signature };
    const data = this.codec.encodeCall(`${sent.write.name}WithConsent`, { ...sent.write, consent });
    return this.send(step, undefined, data, sent, expected, [sent.digest]);
  }

  private sendBulk(step: Step, plans: BulkPlan[]): Promise<void> {
    // Each consent is for the state before the bulk: of two of the same identity, the first wins.
    const sent = plans.map((plan) => {
      const { nonce, secondsLeft, key } = plan;
      const write = { name: "registerDID", uri: plan.uri, hash: plan.hash, foreign: false } as const;
      const who = { is: "member", position: plan.position } as const;
      const signed = this.planner.sign({ who, write, nonce, secondsLeft, key, formed: true }, this.nowSeconds);
      return this.planner.send(signed, { is: "nothing" });
    });
    const entries = sent.flatMap(({ write, terms, ...rest }): (BulkEntry & { signature: string })[] => {
      if (write.name !== "registerDID") return [];
      const { documentUri, documentHash } = write;
      const { signature } = rest;
      return [{ documentUri, documentHash, signer: terms.signer, consent: termsOf({ terms, ...rest }), signature }];
    });
    const expected = outcomeOf(() => this.model.applyBulk(entries, this.nowSeconds));
    const registrations = entries.map(({ documentUri, documentHash, signer, consent, signature }) => {
      const { nonce, deadline } = consent;
      return { documentUri, documentHash, consent: { signer, nonce, deadline, signature } };
    });
    const data = this.codec.encodeCall("registerManyWithConsent", { registrations });
    const digests = sent.map(({ digest }) => digest);
    return this.send(step, undefined, data, sent, expected, digests);
  }

  private encodeCall(write: Write): string {
    return this.codec.encodeCall(callNameOf(write), { ...write });
  }

  /** An account that can call by the player, instead of one that cannot. */
  private caller(account: CastMember): CastMember {
    return account.playable ? account : this.planner.member(0);
  }

  /** Makes a call in the next transaction of the player, or in its own. @param caller Nobody for a relayer */
  private async send(
    step: Step,
    caller: CastMember | undefined,
    data: string,
    what: unknown,
    expected: Played["expected"],
    digests: string[] = [],
  ): Promise<void> {
    const { nowSeconds } = this;
    const from = caller?.address ?? this.cast.playerAddress;
    const played: Played = { step, from, what, nowSeconds, expected, actual: { events: [] }, logs: [], digests };
    this.played.push(played);
    if (!caller || caller.playable) {
      this.waiting.push({ played, call: { account: caller?.address ?? ZERO, data } });
      if (this.waiting.length === MAX_STEPS_AT_ONCE) await this.advance(1);
      return;
    }
    this.blocks.push([played]);
    try {
      await this.sendTransaction(from, this.cast.registryAddress, data);
    } catch (thrown) {
      const revertData = revertDataOf(thrown);
      if (revertData === undefined) throw thrown;
      played.actual = { error: this.codec.errorText(revertData) };
    }
    this.nowSeconds++;
  }

  private async sendTransaction(from: string, to: string, data: string): Promise<void> {
    await request("evm_setNextBlockTimestamp", Number(this.nowSeconds));
    await request("eth_sendTransaction", { from, to, data, gas: GAS, gasPrice: "0x0" });
  }
}

const ZERO = `0x${"00".repeat(20)}`;

function termsOf({ terms, digest, genuine }: Pick<SentConsent, "terms" | "digest" | "genuine">): ConsentTerms {
  return { nonce: terms.nonce, deadline: terms.deadline, digest, genuine };
}

function outcomeOf(action: () => string[]): Played["expected"] {
  try {
    return { events: action() };
  } catch (thrown) {
    if (thrown instanceof Refusal) return { error: thrown.message };
    throw thrown;
  }
}
