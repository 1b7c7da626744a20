import { readFileSync } from "node:fs";
import { join } from "node:path";
import { reset, setCode } from "@nomicfoundation/hardhat-network-helpers";
import { expect } from "chai";
import { type Fragment, type ParamType, type TypedDataDomain, TypedDataEncoder, type TypedDataField } from "ethers";
import hre, { ethers } from "hardhat";
import { consentDigest, consentTypedData } from "../../chain/registry/consents";
import { DIDRegistry__factory, IssuerRegistry__factory } from "../../typechain-types";
import { networkAccount } from "./support/accounts";
import { consentTo } from "./support/consents";
import { GAS_SHARES, type GasFigures } from "./support/gasRun";
import { credIdOf, FOREVER, METHOD, register, REVOCATION, STATUS_ROLE } from "./support/registry";

const DOCUMENTATION = "docs/contracts.md";

/** Names that the page has in code and that are not the contracts'. */
const NAMES_OF_OTHERS = [
  "ERC7913P256Verifier",
  "ERC7913WebAuthnVerifier",
  "changeOwner",
  "revokeOffchain",
  "deployedBytecode",
  // A field of the header, which the ABI has as 32 bits of a word.
  "nonceCount",
];

interface TypedData {
  domain: TypedDataDomain & { chainId: number; verifyingContract: string };
  types: { EIP712Domain: TypedDataField[]; SetStatus: TypedDataField[] };
  primaryType: string;
  message: { signer: string; credId: string; purpose: string; on: boolean; nonce: string; deadline: string };
}

describe(`${DOCUMENTATION} is true:`, () => {
  const page = readFileSync(join(__dirname, "..", "..", DOCUMENTATION), "utf8");
  const abis = [DIDRegistry__factory.createInterface(), IssuerRegistry__factory.createInterface()];
  const fragments = abis.flatMap((abi) => abi.fragments);

  it("every name in code is the contracts'", async () => {
    const contracts = (await hre.artifacts.getAllFullyQualifiedNames()).map((name) => name.split(":")[1] ?? "");
    const consents = fragments.flatMap((fragment) => /^(.*)WithConsent$/.exec(nameOf(fragment))?.[1] ?? []);
    const types = consents.map((name) => name.charAt(0).toUpperCase() + name.slice(1));
    const known = new Set([...fragments.flatMap(namesIn), ...contracts, ...types, "Consent", ...NAMES_OF_OTHERS]);
    const named = [...page.replaceAll(/```.*?```/gs, "").matchAll(/`([A-Za-z][A-Za-z0-9]*)(?=`|\()/g)]
      .map(([, name = ""]) => name)
      .filter((name) => /[a-z]/.test(name) && /[A-Z]/.test(name));
    expect(named).to.have.length.greaterThan(50);
    expect(named.filter((name) => !known.has(name))).to.deep.equal([]);
  });

  it("every event that counts is in the table of counters", () => {
    const [did] = abis;
    const counted = did?.fragments.filter(({ type }) => type === "event").map(nameOf) ?? [];
    const missing = counted.filter((name) => name !== "EIP712DomainChanged" && !page.includes(`\`${name}\``));
    expect(missing).to.deep.equal([]);
  });

  it("the gas table is that of the snapshot", () => {
    const snapshot = JSON.parse(readFileSync(join(__dirname, "gas.snapshot.json"), "utf8")) as GasFigures;
    const expected = Object.entries(snapshot).map(([what, gas]) => {
      const share = GAS_SHARES[what];
      const each = share === undefined ? "" : (gas / share).toLocaleString("en", { maximumFractionDigits: 1 });
      return [what, gas.toLocaleString("en"), each];
    });
    expect(gasRows(page)).to.deep.equal(expected);
  });

  it("the example's hashes are those of its typed data, which is what wallets are given", () => {
    const { domain, types, primaryType, message } = exampleOf(page);
    const { EIP712Domain: _, ...others } = types;
    expect(valueOf(page, "domain separator")).to.equal(TypedDataEncoder.hashDomain(domain));
    expect(valueOf(page, "struct hash")).to.equal(TypedDataEncoder.from(others).hash(message));
    expect(valueOf(page, "digest")).to.equal(TypedDataEncoder.hash(domain, others, message));

    const registry = { chainId: domain.chainId, contract: domain.verifyingContract };
    const { signer, credId, purpose, on, nonce, deadline } = message;
    const write = { type: "SetStatus" as const, values: { credId, purpose: Number(purpose), on } };
    const terms = { signer, nonce: BigInt(nonce), deadline: Number(deadline) };
    expect(consentTypedData(registry, write, terms)).to.deep.equal({ domain, types, primaryType, message });
    expect(consentDigest(registry, write, terms)).to.equal(valueOf(page, "digest"));
  });

  it("the example plays as it says: the registry accepts its signature", async () => {
    // The example's address is that of the first contract on a new chain: another file's registry may live there.
    await reset();
    const { domain, message } = exampleOf(page);
    const [issuer, delegate, relayer] = await ethers.getSigners();
    if (!issuer || !delegate || !relayer) throw new Error("The network has too few accounts.");
    const deployed = await ethers.deployContract("DIDRegistry", [METHOD], relayer);
    await setCode(domain.verifyingContract, await ethers.provider.getCode(deployed));
    const registry = DIDRegistry__factory.connect(domain.verifyingContract, relayer);
    await register(registry, issuer);
    await registry.connect(issuer).addDelegate(issuer.address, STATUS_ROLE, delegate.address, FOREVER);
    const other = { name: "setStatus", credId: credIdOf(issuer, 6), purpose: REVOCATION, on: true } as const;
    const earlier = await consentTo(registry, other, networkAccount(delegate));
    await registry.setStatusWithConsent(other.credId, REVOCATION, true, earlier);

    const { signer, credId, purpose, on, nonce, deadline } = message;
    expect([signer, credId]).to.deep.equal([delegate.address, credIdOf(issuer, 7)]);
    expect(await registry.nonceOfSigner(issuer.address, STATUS_ROLE, delegate.address)).to.equal(BigInt(nonce));
    const consent = { signer, nonce, deadline, signature: valueOf(page, "signature") };
    await registry.setStatusWithConsent(credId, purpose, on, consent);
    expect(await registry.isCredentialRevoked(credId)).to.equal(true);
  });
});

function nameOf(fragment: Fragment): string {
  return "name" in fragment ? String(fragment.name) : "";
}

/** The name of a function, event or error, and those of its parameters. */
function namesIn(fragment: Fragment): string[] {
  const outputs = "outputs" in fragment ? (fragment.outputs as readonly ParamType[]) : [];
  return [nameOf(fragment), ...[...fragment.inputs, ...outputs].flatMap(namesOf)];
}

function namesOf({ name, components, arrayChildren }: ParamType): string[] {
  return [name, ...(components ?? arrayChildren?.components ?? []).flatMap(namesOf)];
}

/** The transaction, the gas and the share of each row of the gas table. */
function gasRows(page: string): string[][] {
  const [, table = ""] = /^\| transaction .*?\n\|[ -:|]*\n(.*?)\n\n/ms.exec(page) ?? [];
  return table.split("\n").map((row) => {
    const cells = row.split("|").map((cell) => cell.trim());
    return [cells[1] ?? "", cells[4] ?? "", cells[5] ?? ""];
  });
}

function exampleOf(page: string): TypedData {
  const [, json = ""] = /```json\n(.*?)```/s.exec(page) ?? [];
  return JSON.parse(json) as TypedData;
}

/** A value of the example's table. */
function valueOf(page: string, what: string): string {
  return new RegExp(`^\\| ${what} +\\| \`(0x[0-9a-f]+)\``, "m").exec(page)?.[1] ?? "";
}
