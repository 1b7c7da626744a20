import { z } from "zod";
import { configPart } from "./part";

/** A hundred years are as good as for ever, and still a date. */
const days = z.coerce.number().int().min(1).max(36_500);

export const retentionPart = configPart({
  environment: {
    USAGE_LOG_RETENTION_DAYS: days.default(365),
    VERIFICATION_RETENTION_DAYS: days.default(90),
    ALERT_RETENTION_DAYS: days.default(365),
    IP_ADDRESS_RETENTION_DAYS: days.default(30),
  },
  shape: (env): { retention: RetentionConfig } => ({
    retention: {
      usageDays: env.USAGE_LOG_RETENTION_DAYS,
      verificationDays: env.VERIFICATION_RETENTION_DAYS,
      alertDays: env.ALERT_RETENTION_DAYS,
      ipAddressDays: env.IP_ADDRESS_RETENTION_DAYS,
    },
  }),
});

/** For how long what is known of people's actions is stored. */
export interface RetentionConfig {
  /** Entries of the usage log, from the attempt on. */
  usageDays: number;
  /** Verifications, from their request on. */
  verificationDays: number;
  /** Fraud alerts, from their last attempt on. */
  alertDays: number;
  /** IP addresses in the usage log and in alerts: emptied then, where the entry itself stays longer. */
  ipAddressDays: number;
}
