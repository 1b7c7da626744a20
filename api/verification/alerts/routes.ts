import { defineEndpoint, type Endpoint } from "../../http/endpoint";
import { listAlerts, type ListAlertsDeps } from "./actions";
import * as shapes from "./schemas";

/** Reading fraud alerts. */
export function alertEndpoints(deps: ListAlertsDeps): Endpoint[] {
  return [
    defineEndpoint({
      method: "get",
      path: "/admin/fraud-alerts",
      tag: "Verification",
      summary: "Read fraud alerts",
      auth: "admin",
      query: shapes.alertsQuery,
      replies: { 200: { description: "The newest first.", schema: shapes.alertsReply } },
      handle: async ({ query }) => ({
        status: 200,
        body: { alerts: (await listAlerts(deps, query)).map(shapes.showAlert) },
      }),
    }),
  ];
}
