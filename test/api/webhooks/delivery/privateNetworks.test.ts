import { expect } from "chai";
import { isPrivateAddress } from "../../../../core/privateAddresses";
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
      // The ends of each of IANA's special-purpose networks.
      ...["100.64.0.0", "100.127.255.255", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.175.48.1"],
      ...["192.31.196.1", "192.52.193.1", "198.19.255.255", "198.51.100.1", "203.0.113.255", "224.0.0.1", "240.0.0.1"],
      ...["255.255.255.255", "::", "::7f00:1", "::ffff:7f00:1", "::ffff:0:10.0.0.1", "64:ff9b::a00:1"],
      ...["64:ff9b:1::1", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "100::1", "100:0:0:1::1", "2001::1", "2001:2::1"],
      ...["2001:20::1", "2001:1ff:ffff::1", "2001:db8::1", "2002::1", "2002:7f00:1::", "2002:a9fe:a9fe::1"],
      ...["2620:4f:8000::1", "3fff::1", "3fff:fff:ffff::1", "4000::1", "5f00::1", "fdff::1", "febf::1", "fec0::1"],
      ...["ff02::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fe80::1%eth0", "not an address", ""],
    ]) {
      expect(isPrivateAddress(address), address).to.equal(true);
    }
    for (const address of [
      ...["1.1.1.1", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.1", "192.0.1.1", "192.0.3.1"],
      ...["198.17.255.255", "198.20.0.1", "223.255.255.255", "::ffff:1.1.1.1", "2606:4700::1111", "2001:200::1"],
      ...["2001:4860:4860::8888", "2003::1", "2a00:1450::1", "3ffe::1"],
    ])
      expect(isPrivateAddress(address), address).to.equal(false);
  });

  it("by name, scheme and literal, before anything is sent", async () => {
    const send = createWebhookSender({ allowPrivate: false });
    const message = { body: "{}", headers: {} };
    const failure = (url: string) => send(url, message).then(String, (error: unknown) => (error as Error).message);
    expect(await failure("https://localhost/hook")).to.equal("localhost leads into a private network");
    expect(await failure("https://127.0.0.1/hook")).to.equal("the webhook URL leads into a private network");
    expect(await failure("https://[::1]/hook")).to.equal("the webhook URL leads into a private network");
    for (const address of ["[2002:7f00:1::]", "[64:ff9b:1::a00:1]", "[::ffff:127.0.0.1]"]) {
      expect(await failure(`https://${address}/hook`), address).to.equal(
        "the webhook URL leads into a private network",
      );
    }
    expect(await failure("http://example.com/hook")).to.equal("the webhook URL is not https");
  });
});
