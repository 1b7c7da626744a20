import { addSeconds, type Clock } from "../../core/clock";
import type { Mongo } from "../../core/mongo";
import {
  ALL,
  backingOff,
  backoffAfter,
  type Beneficiary,
  budgetUsedUp,
  dayOf,
  dayUsedUp,
  LEAST_GAS,
  nextDay,
  relayerStopped,
  type SpendingPolicy,
  unusedOf,
} from "./policy";
import { createSpendingStore, type SpendingAccount } from "./spending";
import { createStopSwitch, type StopState } from "./stopSwitch";
import type { Charge } from "./transaction";

/** What the relayer may spend, and on whom: asked by whoever takes requests, obeyed by the relayer. */
export interface Budgets {
  policy: SpendingPolicy;
  /**
   * Rejects what the relayer would not pay for now, so that people read it at once. Takes nothing.
   *
   * @throws DomainError `relayer.budget_used_up`, `relayer.backing_off`, each with a time after which a retry may succeed
   * @throws TransientError `relayer.stopped`, `relayer.day_budget_used_up`
   */
  requirePayable(beneficiaries: Beneficiary[]): Promise<void>;
  /**
   * Takes gas from the budget of each beneficiary and from that of all, or from none.
   *
   * @throws as {@link Budgets.requirePayable}
   */
  reserve(beneficiaries: Beneficiary[], gas: bigint): Promise<Charge[]>;
  /** Gives back what was reserved for a transaction that was not made. */
  release(charges: Charge[]): Promise<void>;
  /** Has charges be what a transaction used. */
  settle(charges: Charge[], gasUsed: bigint): Promise<void>;
  /** Has those wait whose transaction reverted. */
  backOff(charges: Charge[]): Promise<void>;
  /** Ends the row of reverts of those whose transaction succeeded. */
  clearReverts(charges: Charge[]): Promise<void>;
  /** @throws TransientError `relayer.stopped` */
  requireRunning(): Promise<void>;
  /** Why nothing is spent at present; null when it is. */
  stopReason(): Promise<string | null>;
  /** Stops the relayer in every process, or lets it go on. */
  setStopped(stopped: boolean, reason: string): Promise<void>;
  /** What the operators said last; null until they did. */
  readSwitch(): Promise<StopState | null>;
  /** What is stored of a beneficiary: gas taken on the UTC day `day`; null when there is nothing. */
  spentOn(beneficiary: Beneficiary): Promise<{ day: string; gas: number; retryAt: Date } | null>;
  /** Deletes what is stored of a beneficiary. */
  forget(beneficiary: Beneficiary): Promise<void>;
  /** Gas taken today by all transactions. */
  gasToday(): Promise<number>;
}

/**
 * Makes the budgets of the relayer of one chain.
 *
 * @param options.scope the chain, `<chain id>:<genesis hash>`
 * @param options.stopped whether the configuration stops the relayer, whatever the switch says
 */
export function createBudgets(options: {
  mongo: Mongo;
  clock: Clock;
  scope: string;
  policy: SpendingPolicy;
  stopped: boolean;
}): Budgets {
  const { mongo, clock, scope, policy, stopped } = options;
  const spending = createSpendingStore(mongo);
  const stopSwitch = createStopSwitch(mongo);
  const all = `${scope}/${ALL}`;
  const accountOf = ({ kind, id }: Beneficiary) => `${scope}/${kind}/${id}`;
  const giveBack = (charges: Charge[]) =>
    Promise.all(charges.map((charge) => spending.giveBack(charge.account, charge)));
  const ofBeneficiaries = (charges: Charge[]) => charges.filter(({ account }) => account !== all);

  async function stopReason(): Promise<string | null> {
    if (stopped) return "RELAYER_STOPPED is true";
    const state = await stopSwitch.read();
    if (state?.stopped !== true) return null;
    return state.reason === "" ? "an operator stopped it" : `an operator stopped it: ${state.reason}`;
  }
  async function requireRunning(): Promise<void> {
    if ((await stopReason()) !== null) throw relayerStopped();
  }
  async function backingOffUntil(beneficiary: Beneficiary): Promise<Date> {
    return (await spending.find(accountOf(beneficiary)))?.retryAt ?? clock.now();
  }

  return {
    policy,
    requireRunning,
    stopReason,
    async spentOn(beneficiary) {
      const account = await spending.find(accountOf(beneficiary));
      return account === null ? null : { day: account.day, gas: account.gas, retryAt: account.retryAt };
    },
    forget: (beneficiary) => spending.remove(accountOf(beneficiary)),
    async requirePayable(beneficiaries) {
      await requireRunning();
      const now = clock.now();
      for (const beneficiary of beneficiaries) {
        const { kind } = beneficiary;
        const account = await spending.find(accountOf(beneficiary));
        if (account === null) continue;
        if (account.retryAt > now) throw backingOff(kind, secondsUntil(account.retryAt, now));
        if (gasOf(account, now) + LEAST_GAS > policy.dailyGas[kind])
          throw budgetUsedUp(kind, secondsUntil(nextDay(now), now));
      }
      if (gasOf(await spending.find(all), now) + LEAST_GAS > policy.dailyGas.all) throw dayUsedUp();
    },
    async reserve(beneficiaries, wanted) {
      await requireRunning();
      const now = clock.now();
      const gas = Number(wanted);
      const charges: Charge[] = [];
      for (const beneficiary of beneficiaries) {
        const { kind } = beneficiary;
        const account = accountOf(beneficiary);
        const taken = await spending.take(account, { gas, limit: policy.dailyGas[kind], now });
        if (taken === "taken") {
          charges.push({ account, day: dayOf(now), gas });
          continue;
        }
        await giveBack(charges);
        if (taken === "used_up") throw budgetUsedUp(kind, secondsUntil(nextDay(now), now));
        throw backingOff(kind, secondsUntil(await backingOffUntil(beneficiary), now));
      }
      if ((await spending.take(all, { gas, limit: policy.dailyGas.all, now })) !== "taken") {
        await giveBack(charges);
        throw dayUsedUp();
      }
      return [...charges, { account: all, day: dayOf(now), gas }];
    },
    async release(charges) {
      await giveBack(charges);
    },
    async settle(charges, used) {
      const reserved = charges.reduce((sum, { account, gas }) => (account === all ? sum + BigInt(gas) : sum), 0n);
      await giveBack(charges.map((charge) => ({ ...charge, gas: unusedOf(charge.gas, { used, reserved }) })));
    },
    async backOff(charges) {
      const now = clock.now();
      for (const { account } of ofBeneficiaries(charges)) {
        const reverts = await spending.countRevert(account, now);
        await spending.postpone(account, addSeconds(now, backoffAfter(policy, reverts)));
      }
    },
    async clearReverts(charges) {
      await Promise.all(ofBeneficiaries(charges).map(({ account }) => spending.clearReverts(account)));
    },
    setStopped: (isStopped, reason) => stopSwitch.set({ stopped: isStopped, reason, changedAt: clock.now() }),
    readSwitch: stopSwitch.read,
    gasToday: async () => gasOf(await spending.find(all), clock.now()),
  };
}

/** Gas taken on the present UTC day. A later day is the present one too: clocks differ by a little. */
function gasOf(account: Pick<SpendingAccount, "day" | "gas"> | null, now: Date): number {
  return account !== null && account.day >= dayOf(now) ? account.gas : 0;
}

function secondsUntil(later: Date, now: Date): number {
  return Math.max(1, Math.ceil((later.getTime() - now.getTime()) / 1000));
}
