import type { Budget, BudgetState, CreateBudget, RateLimitPolicy } from "./budgets";

/** A network that an address belongs to, and how many times one address's budget it has. */
interface AddressTier {
  key: string;
  /** Ends the budget's name; empty for the address itself. */
  suffix: string;
  factor: number;
}

/**
 * What counts as one caller's address: an IPv4 address whole, an IPv6 address by its /64, which is what one network is
 * given (RFC 6177 §2) and could otherwise wander through.
 */
export function addressKey(ip: string): string {
  const groups = groupsOfIpv6(ip);
  return groups === undefined ? plainAddress(ip) : `${groups.join(":")}::/64`;
}

/**
 * The networks of an address, the narrowest first. One subscriber may have a /56 of 256 networks or, as a company, a /48
 * of 65,536: these have budgets of their own, wide enough for those who share them.
 */
export function addressTiers(ip: string): AddressTier[] {
  const own = { key: addressKey(ip), suffix: "", factor: 1 };
  const groups = groupsOfIpv6(ip);
  if (groups === undefined) return [own];
  const [first, second, third, fourth] = groups;
  const upper = (Number.parseInt(fourth ?? "0", 16) & 0xff00).toString(16);
  return [
    own,
    { key: `${first}:${second}:${third}:${upper}::/56`, suffix: "-56", factor: 4 },
    { key: `${first}:${second}:${third}::/48`, suffix: "-48", factor: 16 },
  ];
}

/** A budget of addresses and of the networks they belong to; all of them count. */
export interface AddressBudget {
  /** Takes one; the state is that of the first network whose budget is used up, else of the address. */
  take(ip: string): Promise<{ policy: RateLimitPolicy; state: BudgetState }>;
  /** Gives one back to the address and its networks. */
  giveBack(ip: string): Promise<void>;
}

/** Creates a budget of addresses from the policy for one. */
export function createAddressBudget(createBudget: CreateBudget, policy: RateLimitPolicy): AddressBudget {
  const budgets = new Map<string, Budget>();
  const budgetOf = ({ suffix, factor }: AddressTier) => {
    const budget =
      budgets.get(suffix) ?? createBudget({ ...policy, name: `${policy.name}${suffix}`, limit: policy.limit * factor });
    budgets.set(suffix, budget);
    return budget;
  };
  return {
    async take(ip) {
      const taken = await Promise.all(
        addressTiers(ip).map(async (tier) => {
          const budget = budgetOf(tier);
          return { policy: budget.policy, state: await budget.take(tier.key) };
        }),
      );
      const [own] = taken;
      if (own === undefined) throw new RangeError("an address has at least itself");
      return taken.find(({ state }) => !state.allowed) ?? own;
    },
    async giveBack(ip) {
      await Promise.all(addressTiers(ip).map((tier) => budgetOf(tier).giveBack(tier.key)));
    },
  };
}

function plainAddress(ip: string): string {
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip)?.[1] ?? ip;
}

/** The first four groups of an IPv6 address without leading zeros; undefined for IPv4, also where it is mapped. */
function groupsOfIpv6(ip: string): string[] | undefined {
  if (!plainAddress(ip).includes(":")) return undefined;
  const [head = "", tail] = ip.toLowerCase().split("%")[0]?.split("::") ?? [];
  const first = head === "" ? [] : head.split(":");
  const last = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - first.length - last.length);
  const groups = [...first, ...Array<string>(zeros).fill("0"), ...last].slice(0, 4);
  return groups.map((group) => group.replace(/^0+(?=.)/, ""));
}
