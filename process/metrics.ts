import { collectDefaultMetrics, Gauge, Registry } from "prom-client";
import { withDeadline } from "./preflight";

/** A number with the labels it belongs to. */
export interface LabelledValue {
  labels: Record<string, string>;
  value: number;
}

/** A number that is read whenever the metrics are asked for. */
export interface GaugeDefinition {
  /** With the unit as its suffix, for instance `cairn_queue_depth_jobs`. */
  name: string;
  help: string;
  /** Given when `read` returns labelled values. */
  labelNames?: string[];
  /** The number now; or all numbers by label, which replace those of the previous read. */
  read(): Promise<number | LabelledValue[]>;
}

/** The metrics of one process, in Prometheus' form. */
export interface ProcessMetrics {
  registry: Registry;
  /** The text exposition format, version 0.0.4. */
  text(): Promise<string>;
  contentType: string;
}

const READ_DEADLINE_MS = 2_000;

/**
 * Makes the metrics of a process: Node's own (memory, event loop, garbage collection), the gauges given, and whatever
 * else is registered in `registry`.
 *
 * A gauge whose source fails or takes longer than two seconds reads NaN, or has no value at all when it has labels; the
 * other metrics are not affected.
 */
export function createProcessMetrics(gauges: GaugeDefinition[], registry: Registry = new Registry()): ProcessMetrics {
  collectDefaultMetrics({ register: registry });
  for (const gauge of gauges) registerGauge(registry, gauge);
  return { registry, text: () => registry.metrics(), contentType: registry.contentType };
}

/** Reads one number a label, so that a source that does not answer makes only its own number NaN. */
export async function readByLabel(
  label: string,
  sources: Record<string, () => Promise<number>>,
): Promise<LabelledValue[]> {
  return Promise.all(
    Object.entries(sources).map(async ([name, read]) => ({
      labels: { [label]: name },
      value: await withReadDeadline(read).catch(() => Number.NaN),
    })),
  );
}

function registerGauge(registry: Registry, { name, help, labelNames = [], read }: GaugeDefinition): void {
  new Gauge({
    name,
    help,
    labelNames,
    registers: [registry],
    async collect() {
      const failed = labelNames.length > 0 ? [] : Number.NaN;
      const found = await withReadDeadline(read).catch(() => failed);
      this.reset();
      if (typeof found === "number") this.set(found);
      else for (const { labels, value } of found) this.set(labels, value);
    },
  });
}

async function withReadDeadline<T>(read: () => Promise<T>): Promise<T> {
  return withDeadline(read(), READ_DEADLINE_MS, `no answer within ${READ_DEADLINE_MS} ms`);
}
