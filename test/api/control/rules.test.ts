import { expect } from "chai";
import {
  type ControlChange,
  type ControlState,
  isDone,
  isEffect,
  nonceFor,
  slotOf,
  writeOf,
} from "../../../api/control/rules";
import { REGISTRY_REJECTIONS, rejectionOf } from "../../../api/control/rejections";
import { didRegistryInterface } from "../../../chain/registry/abi";
import type { RegistryEvent } from "../../../chain/registry/events";
import { formatNonce } from "../../../chain/registry/nonce";

const ALICE = `0x${"a1".repeat(20)}`;
const BOB = `0x${"b0".repeat(20)}`;
const COMMITMENT = `0x${"12".repeat(32)}`;
const NEXT = `0x${"34".repeat(32)}`;
const SALT = `0x${"56".repeat(32)}`;

const CHANGES: { [Type in ControlChange["type"]]: Extract<ControlChange, { type: Type }> } = {
  NameSuccessor: { type: "NameSuccessor", commitment: COMMITMENT },
  RotateController: { type: "RotateController", salt: SALT, nextCommitment: NEXT },
  ChangeController: { type: "ChangeController", newController: BOB },
  CancelNonces: { type: "CancelNonces" },
};

/** Control was last changed at version 5; the controller has used two consents since. */
const STATE: ControlState = {
  active: true,
  controller: ALICE,
  successor: null,
  controlVersion: 5,
  nonce: formatNonce({ grant: 5, count: 2 }),
};

const place = { blockNumber: 1, blockHash: SALT, minedAt: new Date(0), transactionHash: SALT, logIndex: 0 };

function eventOf<Name extends RegistryEvent["name"]>(
  name: Name,
  args: Extract<RegistryEvent, { name: Name }>["args"],
): RegistryEvent {
  return { ...place, registry: "DIDRegistry", subject: ALICE, name, args } as RegistryEvent;
}

function operationOf(change: ControlChange, signer: string) {
  const nonce = nonceFor(change.type, STATE);
  return { write: writeOf(ALICE, change, nonce), terms: { signer, nonce, deadline: 9 } };
}

describe("rules of control", () => {
  it("give a successor's consent a nonce that nobody can move, and a slot of its own", () => {
    const moved = { ...STATE, nonce: formatNonce({ grant: 5, count: 99 }) };
    expect(nonceFor("RotateController", STATE)).to.equal(5n << 64n);
    expect(nonceFor("RotateController", moved)).to.equal(5n << 64n);
    expect(nonceFor("NameSuccessor", moved)).to.equal((5n << 64n) + 99n);
    expect(slotOf(ALICE, "RotateController")).to.not.equal(slotOf(ALICE, "CancelNonces"));
    expect(slotOf(ALICE, "NameSuccessor")).to.equal(slotOf(ALICE, "CancelNonces"));
  });

  it("cancel the current nonce and no other", () => {
    const { nonce } = STATE;
    expect(writeOf(ALICE, CHANGES.CancelNonces, nonce).values).to.deep.include({ nextNonce: nonce + 1n });
  });

  /** For each type: who signs, the state and the event that it leads to, and events that only look like it. */
  const effects: Record<
    ControlChange["type"],
    { signer: string; after: Partial<ControlState>; event: RegistryEvent; others: RegistryEvent[] }
  > = {
    NameSuccessor: {
      signer: ALICE,
      after: { successor: COMMITMENT },
      event: eventOf("SuccessorNamed", { identity: ALICE, commitment: COMMITMENT, version: 6 }),
      others: [
        eventOf("SuccessorNamed", { identity: ALICE, commitment: NEXT, version: 6 }),
        eventOf("SuccessorNamed", { identity: ALICE, commitment: COMMITMENT, version: 4 }),
      ],
    },
    RotateController: {
      signer: BOB,
      after: { controller: BOB, controlVersion: 6, successor: NEXT },
      event: eventOf("ControllerRotated", { identity: ALICE, controller: BOB, commitment: NEXT, version: 6 }),
      others: [
        eventOf("ControllerRotated", { identity: ALICE, controller: ALICE, commitment: NEXT, version: 6 }),
        eventOf("ControllerRotated", { identity: ALICE, controller: BOB, commitment: COMMITMENT, version: 6 }),
        eventOf("ControllerRotated", { identity: ALICE, controller: BOB, commitment: NEXT, version: 5 }),
      ],
    },
    ChangeController: {
      signer: ALICE,
      after: { controller: BOB, controlVersion: 6 },
      event: eventOf("ControllerChanged", { identity: ALICE, controller: BOB, version: 6 }),
      others: [
        eventOf("ControllerChanged", { identity: ALICE, controller: ALICE, version: 6 }),
        eventOf("ControllerChanged", { identity: ALICE, controller: BOB, version: 5 }),
      ],
    },
    CancelNonces: {
      signer: ALICE,
      after: { nonce: formatNonce({ grant: 5, count: 3 }) },
      event: eventOf("NonceConsumed", { identity: ALICE, signer: ALICE, nonce: STATE.nonce.toString() }),
      others: [eventOf("NonceConsumed", { identity: ALICE, signer: ALICE, nonce: (STATE.nonce - 1n).toString() })],
    },
  };

  for (const [type, { signer, after, event, others }] of Object.entries(effects)) {
    it(`tell the effect of ${type} from what only looks like it`, () => {
      const operation = operationOf(CHANGES[type as ControlChange["type"]], signer);
      expect(isDone(operation, STATE)).to.equal(false);
      expect(isDone(operation, { ...STATE, ...after })).to.equal(true);
      expect(isEffect(operation, event)).to.equal(true);
      const foreign = Object.values(effects).filter((other) => other.event !== event);
      for (const other of [...others, ...foreign.map((each) => each.event)]) {
        expect(isEffect(operation, other), JSON.stringify(other)).to.equal(false);
      }
    });
  }

  it("say in plain words what the registry says, and only of errors that it has", () => {
    for (const name of Object.keys(REGISTRY_REJECTIONS)) {
      expect(didRegistryInterface.getError(name), name).to.not.equal(null);
      expect(rejectionOf(name).message).to.match(/^[A-Z].*\.$/);
    }
    const other = rejectionOf("CounterExhausted", "CounterExhausted()");
    expect([other.code, other.message]).to.deep.equal([
      "control.refused",
      "The registry refuses it: CounterExhausted().",
    ]);
    expect(rejectionOf(null, null).code).to.equal("control.refused");
  });
});
