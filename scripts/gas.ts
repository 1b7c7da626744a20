import { GAS_ANCHORS, GAS_CEILINGS, GAS_SHARES, measureGas } from "../test/contracts/support/gasRun";

/** Prints what every kind of transaction costs, beside the most it may cost and what others cost. */
async function main(): Promise<void> {
  const figures = await measureGas();
  const rows = Object.entries(figures).map(([what, gas]) => {
    const share = GAS_SHARES[what];
    return [
      what,
      gas.toLocaleString("en"),
      share === undefined ? "" : (gas / share).toLocaleString("en", { maximumFractionDigits: 1 }),
      GAS_CEILINGS[what]?.toLocaleString("en") ?? "",
      GAS_ANCHORS[what] ?? "",
    ];
  });
  const table = [["transaction", "gas", "each", "at most", "for comparison"], ...rows];
  const widths = (table[0] ?? []).map((_, column) => Math.max(...table.map((row) => (row[column] ?? "").length)));
  const leftAligned = new Set([0, 4]);
  for (const row of table) {
    const cells = row.map((cell, column) =>
      leftAligned.has(column) ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
    );
    console.log(cells.join("  ").trimEnd());
  }
}

main().catch((thrown: unknown) => {
  console.error(thrown);
  process.exitCode = 1;
});
