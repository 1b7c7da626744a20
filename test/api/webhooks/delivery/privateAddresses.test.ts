import { expect } from "chai";
import { isPrivateAddress } from "../../../../api/webhooks/delivery/privateAddresses";
import { createWebhookSender } from "../../../../api/webhooks/delivery/sender";

describe("webhooks keep out of private networks", () => {
  it("by address", () => {
    for (const address of [
      "127.0.0.1",
      "10.1.2.3",
      "169.254.169.254",
      "192.168.0.1",
      "::1",
      "fd00::1",
      "fe80::1",
      "::ffff:10.0.0.1",
      "0.0.0.0",
    ]) {
      expect(isPrivateAddress(address), address).to.equal(true);
    }
    for (const address of ["1.1.1.1", "172.32.0.1", "2606:4700::1111"])
      expect(isPrivateAddress(address), address).to.equal(false);
  });

  it("by name, scheme and literal, before anything is sent", async () => {
    const send = createWebhookSender({ allowPrivate: false });
    const message = { body: "{}", headers: {} };
    const failure = (url: string) => send(url, message).then(String, (error: unknown) => (error as Error).message);
    expect(await failure("https://localhost/hook")).to.equal("localhost leads into a private network");
    expect(await failure("https://127.0.0.1/hook")).to.equal("the webhook URL leads into a private network");
    expect(await failure("https://[::1]/hook")).to.equal("the webhook URL leads into a private network");
    expect(await failure("http://example.com/hook")).to.equal("the webhook URL is not https");
  });
});
