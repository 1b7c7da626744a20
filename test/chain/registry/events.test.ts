import { expect } from "chai";
import { Interface } from "ethers";
import { DID_REGISTRY_ABI, ISSUER_REGISTRY_ABI } from "../../../chain/registry/abi";
import {
  type ArgumentKind,
  argumentsOf,
  EVENT_NAMES,
  EVENTS,
  eventsAffecting,
  type RegistryName,
} from "../../../chain/registry/events";

const INTERFACES: Record<RegistryName, Interface> = {
  DIDRegistry: new Interface(DID_REGISTRY_ABI),
  IssuerRegistry: new Interface(ISSUER_REGISTRY_ABI),
};
const ABI_TYPES: Record<ArgumentKind, string> = {
  address: "address",
  bytes32: "bytes32",
  text: "string",
  counter: "uint256",
  purpose: "uint8",
  nonce: "uint256",
  word: "uint256",
  wordList: "uint256[]",
  bits: "uint256",
  bitsList: "uint256[]",
  seconds: "uint64",
};

describe("the table of registry events", () => {
  it("lists every event of both contracts, once and in its contract", () => {
    const ofContracts = Object.entries(INTERFACES).flatMap(([registry, contract]) => {
      const names: string[] = [];
      contract.forEachEvent(({ name }) => names.push(`${registry}.${name}`));
      return names;
    });
    expect(EVENT_NAMES.map((name) => `${EVENTS[name].registry}.${name}`)).to.have.members(ofContracts);
  });

  for (const name of EVENT_NAMES) {
    it(`has the arguments of ${name} as the ABI has them, in its order`, () => {
      const inputs = INTERFACES[EVENTS[name].registry].getEvent(name)?.inputs ?? [];
      const form = argumentsOf(name).map(({ kind, ...argument }) => ({ ...argument, type: ABI_TYPES[kind] }));
      expect(form).to.deep.equal(
        inputs.map(({ name: argument, indexed, type }) => ({ name: argument, indexed: indexed ?? false, type })),
      );
    });
  }

  it("says of which events the history of an issuer's statuses consists", () => {
    expect(eventsAffecting("words")).to.deep.equal([
      "CredentialRevoked",
      "StatusSet",
      "StatusCleared",
      "RevocationWordsSet",
      "StatusWordsSet",
      "StatusWordsCleared",
      "RevocationMasksSet",
      "StatusMasksSet",
      "StatusMasksCleared",
    ]);
  });
});
