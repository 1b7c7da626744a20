/** A rule taken out of a contract, and the test file that must then fail. */
export interface Mutation {
  /** The property that the rule keeps. */
  property: string;
  file: string;
  /** What stands exactly once in the file. */
  find: string;
  replace: string;
  test: string;
  /** The part of a test's title that must be among the failures. */
  title: string;
}

const STORE = "contracts/IdentityStore.sol";
const IDENTITIES = "contracts/Identities.sol";
const STATUS = "contracts/CredentialStatus.sol";
const ANCHOR = "contracts/DigestAnchor.sol";
const REGISTRY = "contracts/DIDRegistry.sol";
const ISSUERS = "contracts/IssuerRegistry.sol";
const HASHES = "contracts/libraries/ConsentHashes.sol";
const HEADER = "contracts/libraries/IdentityHeader.sol";
const DELEGATION = "contracts/libraries/Delegation.sol";
const HEX = "contracts/libraries/HexAddress.sol";
const SIGNERS = "contracts/libraries/Signers.sol";
const SLOTS = "contracts/libraries/StatusSlots.sol";

const HISTORIES = { test: "histories1.test.ts", title: "the registry does what its model does" };

const VALID = "!Signers.isValidSignature(consent.signer, digest, consent.signature, gasleft())";

/** Accepts, beside the right signature, one over the same message in another domain. */
function alsoInDomain(chainId: string, contractAddress: string): string {
  const domainType = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
  const domain = `keccak256(abi.encode(keccak256("${domainType}"), keccak256("Cairn DIDRegistry"), keccak256("2"), ${chainId}, ${contractAddress}))`;
  const digest = `keccak256(abi.encodePacked(hex"1901", ${domain}, structHash))`;
  return `${VALID} && !Signers.isValidSignature(consent.signer, ${digest}, consent.signature, gasleft())`;
}

/** A type that names another account than the signer, so that the signer can be exchanged. */
function withoutSigner(type: string, find: string, replace: string): Mutation {
  return {
    property: `a consent is bound to its signer: ${type}`,
    file: HASHES,
    find,
    replace,
    ...HISTORIES,
  };
}

export const MUTATIONS: Mutation[] = [
  // Who consents.
  withoutSigner("SetStatus", "SET_STATUS, consent.signer, credId", "SET_STATUS, address(bytes20(credId)), credId"),
  withoutSigner("AnchorDigest", "ANCHOR_DIGEST, consent.signer, identity", "ANCHOR_DIGEST, identity, identity"),
  withoutSigner("DeactivateDID", "DEACTIVATE_DID, consent.signer, identity", "DEACTIVATE_DID, address(0), identity"),
  {
    property: "a signature is needed at all",
    file: STORE,
    find: `if (${VALID}) {`,
    replace: "if (false) {",
    ...HISTORIES,
  },
  {
    property: "a consent works on one chain",
    file: STORE,
    find: VALID,
    replace: alsoInDomain("uint256(1)", "address(this)"),
    test: "consents.test.ts",
    title: "is worthless on another chain",
  },
  {
    property: "a consent works in one contract",
    file: STORE,
    find: VALID,
    // The address that the test signs for instead: the network's fifth account.
    replace: alsoInDomain("block.chainid", "address(0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65)"),
    test: "consents.test.ts",
    title: "is worthless on another chain, in another contract",
  },
  {
    property: "a consent of the first version is worthless",
    file: REGISTRY,
    find: 'EIP712("Cairn DIDRegistry", "2")',
    replace: 'EIP712("Cairn DIDRegistry", "1")',
    test: "interfaces.test.ts",
    title: "tell the domain of consents",
  },
  {
    property: "a consent works before its deadline",
    file: STORE,
    find: "if (block.timestamp > consent.deadline) revert SignatureExpired(consent.deadline, block.timestamp);",
    replace: "",
    ...HISTORIES,
  },
  {
    property: "a consent works up to its deadline",
    file: STORE,
    find: "if (block.timestamp > consent.deadline)",
    replace: "if (block.timestamp >= consent.deadline)",
    test: "consents.test.ts",
    title: "counts at its deadline",
  },

  // Nonces.
  {
    property: "a consent works with the current nonce alone",
    file: STORE,
    find: "if (consent.nonce != current) revert NonceMismatch(identity, consent.signer, consent.nonce, current);",
    replace: "",
    ...HISTORIES,
  },
  {
    property: "a consent works once: the controller's",
    file: STORE,
    find: "header = header.countNonce();\n            stored.header = header;",
    replace: "",
    ...HISTORIES,
  },
  {
    property: "a consent works once: a delegate's",
    file: STORE,
    find: "_delegations[key] = delegation.countNonce();",
    replace: "",
    ...HISTORIES,
  },
  {
    property: "a nonce is consumed before a contract is asked",
    file: STORE,
    find: "header = header.countNonce();\n            stored.header = header;",
    replace: "header = header.countNonce();",
    test: "signers.test.ts",
    title: "finds its nonce consumed already",
  },
  {
    property: "nonces are counted anew from a change of control",
    file: HEADER,
    find: "~(STAGE_MASK | CONTROL_VERSION_MASK | NONCE_COUNT_MASK)",
    replace: "~(STAGE_MASK | CONTROL_VERSION_MASK)",
    test: "lifecycle.test.ts",
    title: "counts nonces anew, under another grant",
  },
  {
    property: "no entry of a bulk is skipped for want of gas",
    file: IDENTITIES,
    find: "if (gasleft() < BULK_ENTRY_GAS) revert InsufficientGas(gasleft(), BULK_ENTRY_GAS);",
    replace: "",
    test: "bulkGas.test.ts",
    title: "is either enough for every good entry, or the whole call reverts",
  },
  {
    property: "a controller's nonce names its grant",
    file: HEADER,
    find: "return (controlVersion(header) << 64) | nonceCount(header);",
    replace: "return nonceCount(header);",
    ...HISTORIES,
  },
  {
    property: "a delegate's nonce names its grant",
    file: DELEGATION,
    find: "return (uint256(uint32(bits >> GRANT_VERSION)) << 64) | (bits >> NONCE_COUNT);",
    replace: "return bits >> NONCE_COUNT;",
    ...HISTORIES,
  },
  {
    property: "a delegate's consent moves the delegate's nonce, not the controller's",
    file: STORE,
    find: "        if (key == CONTROLLER) {\n            current",
    replace: "        if (true) {\n            current",
    ...HISTORIES,
  },
  {
    property: "nonces are never cancelled backwards",
    file: IDENTITIES,
    find: "if (nextNonce <= current || nextNonce - current > MAX_CANCELLED) {",
    replace: "if (nextNonce > current + MAX_CANCELLED) {",
    ...HISTORIES,
  },
  {
    property: "no more nonces are cancelled at once than a slip may cost",
    file: IDENTITIES,
    find: "if (nextNonce <= current || nextNonce - current > MAX_CANCELLED) {",
    replace: "if (nextNonce <= current) {",
    ...HISTORIES,
  },
  {
    property: "65,536 nonces can be cancelled at once",
    file: IDENTITIES,
    find: "nextNonce - current > MAX_CANCELLED",
    replace: "nextNonce - current >= MAX_CANCELLED",
    test: "nonces.test.ts",
    title: "goes 1 to 65,536 ahead",
  },

  // Identities.
  {
    property: "a DID is registered by its own identity alone",
    file: IDENTITIES,
    find: "if (keccak256(bytes(did)) != didHash) revert DIDMismatch(did, expected);",
    replace: "",
    ...HISTORIES,
  },
  {
    property: "an identity registers once",
    file: IDENTITIES,
    find: "revert AlreadyRegistered(identity);",
    replace: "",
    ...HISTORIES,
  },
  {
    property: "an identity that is handed over is not registered by its former key",
    file: IDENTITIES,
    find: "if (!header.isSelfControlled()) revert NotController(identity, identity);",
    replace: "if (!header.isSelfControlled()) return (stored, header);",
    ...HISTORIES,
  },
  {
    property: "an update of the document registers",
    file: IDENTITIES,
    find: "_recordChange(stored, header.markRegistered());\n        emit DocumentUpdated",
    replace: "_recordChange(stored, header);\n        emit DocumentUpdated",
    ...HISTORIES,
  },
  {
    property: "only the controller changes an identity",
    file: STORE,
    find: "if (account != _controllerOf(identity, stored, header)) revert NotController(identity, account);",
    replace: "",
    ...HISTORIES,
  },
  {
    property: "a former controller has no power",
    file: IDENTITIES,
    find: "stored.controller = other;",
    replace: "stored.controller = 0 * other;",
    ...HISTORIES,
  },
  {
    property: "an identity that handed itself over has no power over itself",
    file: STORE,
    find: "        stored = _identities[identity];\n        header = stored.header;\n        if (account == identity) {\n            if (header.isSelfControlled()) return (stored, header);",
    replace:
      "        stored = _identities[identity];\n        header = stored.header;\n        if (account == identity) {\n            return (stored, header);",
    ...HISTORIES,
  },
  {
    property: "an issuer that handed itself over has no power over its credentials",
    file: STORE,
    find: "Nested, for && costs 32 gas more.\n        if (account == identity) {\n            if (header.isSelfControlled()) return (stored, header);",
    replace:
      "Nested, for && costs 32 gas more.\n        if (account == identity) {\n            return (stored, header);",
    ...HISTORIES,
  },
  {
    property: "the zero address is never a controller",
    file: IDENTITIES,
    find: "if (newController == address(0)) revert ZeroAddress();",
    replace: "",
    test: "lifecycle.test.ts",
    title: "refuses the zero address",
  },
  {
    property: "the zero address is never a delegate",
    file: IDENTITIES,
    find: "if (delegate == address(0)) revert ZeroAddress();",
    replace: "",
    test: "delegates.test.ts",
    title: "cannot be the zero address",
  },
  {
    property: "deactivation is terminal",
    file: STORE,
    find: "if (header.isDeactivated()) revert IdentityDeactivated(identity);",
    replace: "",
    ...HISTORIES,
  },
  {
    property: "deactivation takes effect",
    file: IDENTITIES,
    find: "_recordChange(stored, header.enter(IdentityHeaderFields.DEACTIVATED))",
    replace: "_recordChange(stored, header)",
    ...HISTORIES,
  },
  {
    property: "a deactivated identity has no delegates",
    file: IDENTITIES,
    find: "if (header.isDeactivated()) return false;",
    replace: "",
    ...HISTORIES,
  },
  {
    property: "the time of creation stays",
    file: HEADER,
    find: "if (count == 0) bits |= time << CREATED_AT;",
    replace: "bits = (bits & ~(uint256(type(uint40).max) << CREATED_AT)) | (time << CREATED_AT);",
    ...HISTORIES,
  },
  {
    property: "a URI is not empty",
    file: IDENTITIES,
    find: "return length != 0 && length <= MAX_URI_LENGTH;",
    replace: "return length <= MAX_URI_LENGTH;",
    ...HISTORIES,
  },
  {
    property: "a URI has at most 2,048 bytes",
    file: IDENTITIES,
    find: "return length != 0 && length <= MAX_URI_LENGTH;",
    replace: "return length != 0;",
    test: "registration.test.ts",
    title: "accepts document URIs of 1 and of 2,048 bytes",
  },
  {
    property: "a URI may have 2,048 bytes",
    file: IDENTITIES,
    find: "return length != 0 && length <= MAX_URI_LENGTH;",
    replace: "return length != 0 && length < MAX_URI_LENGTH;",
    test: "registration.test.ts",
    title: "accepts document URIs of 1 and of 2,048 bytes",
  },
  {
    property: "a method has at most 25 characters",
    file: IDENTITIES,
    find: "name.length > 0 && name.length <= HexAddress.MAX_METHOD_LENGTH",
    replace: "name.length > 0",
    test: "registration.test.ts",
    title: "cannot have the method",
  },
  {
    property: "a method has at least one character",
    file: IDENTITIES,
    find: "name.length > 0 && name.length <= HexAddress.MAX_METHOD_LENGTH",
    replace: "name.length <= HexAddress.MAX_METHOD_LENGTH",
    test: "registration.test.ts",
    title: 'cannot have the method ""',
  },
  {
    property: "a DID ends with all 40 digits of the address",
    file: HEX,
    find: "bytes32 last = _digits(uint128(value));",
    replace: "bytes32 last = _digits(value);",
    test: "registration.test.ts",
    title: "ends with the address in lower-case hexadecimal digits",
  },
  {
    property: "a DID is in lower case",
    file: HEX,
    find: "letters * 39",
    replace: "letters * 7",
    ...HISTORIES,
  },

  // Delegates.
  {
    property: "no caller but the controller or a live delegate acts for an identity",
    file: STORE,
    find: "if (!delegation.isLive(header, block.timestamp)) revert NotAuthorized(identity, role, account);",
    replace: "",
    ...HISTORIES,
  },
  {
    property: "a delegation ends",
    file: DELEGATION,
    find: "return time < delegation.expiresAt() && delegation.exists(header);",
    replace: "return delegation.exists(header);",
    ...HISTORIES,
  },
  {
    property: "a delegation ends at its second, not after it",
    file: DELEGATION,
    find: "time < delegation.expiresAt()",
    replace: "time <= delegation.expiresAt()",
    test: "delegates.test.ts",
    title: "act to the second before their end",
  },
  {
    property: "a delegation ends in the future",
    file: IDENTITIES,
    find: "if (expiresAt <= block.timestamp)",
    replace: "if (expiresAt < block.timestamp)",
    test: "delegates.test.ts",
    title: "nor end now or before",
  },
  {
    property: "a change of control ends delegations",
    file: DELEGATION,
    find: "return time < delegation.expiresAt() && delegation.exists(header);",
    replace: "return time < delegation.expiresAt();",
    ...HISTORIES,
  },
  {
    property: "a delegation stands only when it is newer than control",
    file: DELEGATION,
    find: "> header.controlVersion();",
    replace: ">= header.controlVersion();",
    ...HISTORIES,
  },
  {
    property: "a role granted anew is another grant",
    file: IDENTITIES,
    find: "live ? delegation.prolonged(expiresAt) : DelegationFields.granted(expiresAt, version)",
    replace:
      "delegation.expiresAt() != 0 ? delegation.prolonged(expiresAt) : DelegationFields.granted(expiresAt, version)",
    ...HISTORIES,
  },
  {
    property: "a role taken away leaves nothing behind",
    file: IDENTITIES,
    find: "_delegations[key] = Delegation.wrap(0);",
    replace: "",
    ...HISTORIES,
  },
  {
    property: "prolonging a role keeps the delegate's nonce",
    file: IDENTITIES,
    find: "live ? delegation.prolonged(expiresAt) : DelegationFields.granted(expiresAt, version)",
    replace: "DelegationFields.granted(expiresAt, version)",
    ...HISTORIES,
  },
  {
    property: "the anchor role changes no status",
    file: STATUS,
    find: "address issuer = credId.issuerOf();\n        (Identity storage stored, IdentityHeader header) = _authorized(issuer, STATUS_ROLE, msg.sender);\n        _setStatus(",
    replace:
      'address issuer = credId.issuerOf();\n        (Identity storage stored, IdentityHeader header) = _authorized(issuer, "anchor", msg.sender);\n        _setStatus(',
    ...HISTORIES,
  },
  {
    property: "the status role anchors no digest",
    file: ANCHOR,
    find: "_authorized(identity, ANCHOR_ROLE, msg.sender)",
    replace: '_authorized(identity, "status", msg.sender)',
    ...HISTORIES,
  },

  // Successors.
  {
    property: "a guarded identity changes control by its successor alone",
    file: IDENTITIES,
    find: "if (newController == address(0)) revert ZeroAddress();\n        if (header.isGuarded()) revert SuccessorRequired(identity);",
    replace: "if (newController == address(0)) revert ZeroAddress();",
    ...HISTORIES,
  },
  {
    property: "a guarded identity is not deactivated",
    file: IDENTITIES,
    find: "if (header.isGuarded()) revert SuccessorRequired(identity);\n        emit DIDDeactivated",
    replace: "emit DIDDeactivated",
    ...HISTORIES,
  },
  {
    property: "a named successor is not replaced",
    file: IDENTITIES,
    find: "if (header.isGuarded()) revert SuccessorAlreadyNamed(identity);",
    replace: "",
    ...HISTORIES,
  },
  {
    property: "a successor is named",
    file: IDENTITIES,
    find: "if (commitment == bytes32(0)) revert ZeroCommitment();",
    replace: "",
    test: "successors.test.ts",
    title: "of nobody is refused",
  },
  {
    property: "the committed account alone takes control",
    file: IDENTITIES,
    find: "if (commitment != stored.successor) revert NotSuccessor(identity, account);",
    replace: "commitment;",
    ...HISTORIES,
  },
  {
    property: "a commitment is to one identity",
    file: IDENTITIES,
    find: "keccak256(abi.encode(identity, account, salt))",
    replace: "keccak256(abi.encode(account, salt))",
    ...HISTORIES,
  },
  {
    property: "a rotation's consent names control",
    file: IDENTITIES,
    find: "_requireCurrent(identity, consent, header.controlVersion() << 64);",
    replace: "_requireCurrent(identity, consent, 0);",
    ...HISTORIES,
  },
  {
    property: "a rotation's consent counts once, though the same successor is named again",
    file: IDENTITIES,
    find: "_requireCurrent(identity, consent, header.controlVersion() << 64);",
    replace: "_requireCurrent(identity, consent, consent.nonce);",
    test: "successors.test.ts",
    title: "does not count again when the same successor is named once more",
  },
  {
    property: "a rotation is not blocked by the controller's nonces",
    file: IDENTITIES,
    find: "_requireCurrent(identity, consent, header.controlVersion() << 64);",
    replace: "_requireCurrent(identity, consent, header.nonce());",
    ...HISTORIES,
  },
  {
    property: "a rotation is a change of control",
    file: HEADER,
    find: "(count << CONTROL_VERSION) | stage",
    replace: "(uint256(uint32(IdentityHeader.unwrap(header) >> CONTROL_VERSION)) << CONTROL_VERSION) | stage",
    ...HISTORIES,
  },
  {
    property: "a rotation ends the guard, or names the next",
    file: IDENTITIES,
    find: "header = header.setGuarded(nextCommitment != bytes32(0));",
    replace: "",
    ...HISTORIES,
  },

  // Bulk registration.
  {
    property: "a bulk writes nothing before it has verified",
    file: IDENTITIES,
    find: "if (!Signers.isValidSignature(identity, digest, consent.signature, BULK_SIGNATURE_GAS)) return false;",
    replace:
      "stored.documentUri = documentUri;\n        if (!Signers.isValidSignature(identity, digest, consent.signature, BULK_SIGNATURE_GAS)) return false;",
    ...HISTORIES,
  },
  {
    property: "a bulk verifies each consent",
    file: IDENTITIES,
    find: "if (!Signers.isValidSignature(identity, digest, consent.signature, BULK_SIGNATURE_GAS)) return false;",
    replace: "digest;",
    ...HISTORIES,
  },
  {
    property: "a bulk leaves out an entry with another nonce",
    file: IDENTITIES,
    find: " || nonce != header.nonce()) return false;",
    replace: ") return false;",
    ...HISTORIES,
  },
  {
    property: "a bulk leaves out who registered before",
    file: IDENTITIES,
    find: "if (!header.isRegistrable() || header.isExhausted()",
    replace: "if (header.isDeactivated() || header.isExhausted()",
    ...HISTORIES,
  },
  {
    property: "a bulk leaves out an entry that came too late",
    file: IDENTITIES,
    find: "if (block.timestamp > consent.deadline || !_isUri(documentUri)) return false;",
    replace: "if (!_isUri(documentUri)) return false;",
    ...HISTORIES,
  },
  {
    property: "a bulk leaves out an entry without URI",
    file: IDENTITIES,
    find: "if (block.timestamp > consent.deadline || !_isUri(documentUri)) return false;",
    replace: "if (block.timestamp > consent.deadline) return false;",
    ...HISTORIES,
  },
  {
    property: "a bulk leaves out an entry whose counters are at their end",
    file: IDENTITIES,
    find: "!header.isRegistrable() || header.isExhausted()",
    replace: "!header.isRegistrable()",
    test: "lifecycle.test.ts",
    title: "end",
  },
  {
    property: "a bulk consumes the nonce of each entry",
    file: IDENTITIES,
    find: "_publish(identity, stored, header.countNonce(), documentUri, registration.documentHash);",
    replace: "_publish(identity, stored, header, documentUri, registration.documentHash);",
    ...HISTORIES,
  },
  {
    property: "a bulk limits what one signer's contract burns",
    file: IDENTITIES,
    find: "BULK_SIGNATURE_GAS)) return false;",
    replace: "gasleft())) return false;",
    test: "bulkRegistration.test.ts",
    title: "no more than 400,000",
  },

  // Statuses.
  {
    property: "revocation is terminal: one credential",
    file: STATUS,
    find: "if (!on) revert RevocationCannotBeCleared();\n            return _revoke(issuer, stored, header, credId);",
    replace: "if (on) return _revoke(issuer, stored, header, credId);",
    ...HISTORIES,
  },
  {
    property: "revocation is terminal: consecutive words",
    file: STATUS,
    find: "if (purpose == REVOCATION) revert RevocationCannotBeCleared();\n        }\n        StatusSlots.requireInRange(firstWord",
    replace: "}\n        StatusSlots.requireInRange(firstWord",
    ...HISTORIES,
  },
  {
    property: "revocation is terminal: words anywhere",
    file: STATUS,
    find: "if (purpose == REVOCATION) revert RevocationCannotBeCleared();\n        }\n        if (words.length",
    replace: "}\n        if (words.length",
    ...HISTORIES,
  },
  {
    property: "a revoked credential is not reinstated",
    file: STATUS,
    find: "if (_isSet(issuer, credId, REVOCATION)) revert RevocationIsFinal(credId);",
    replace: "",
    ...HISTORIES,
  },
  {
    property: "setting is OR: one credential",
    file: STATUS,
    find: "on ? before | mask : before & ~mask",
    replace: "on ? before ^ mask : before & ~mask",
    ...HISTORIES,
  },
  {
    property: "clearing is AND-NOT: one credential",
    file: STATUS,
    find: "on ? before | mask : before & ~mask",
    replace: "on ? before | mask : before ^ mask",
    ...HISTORIES,
  },
  {
    property: "setting is OR: consecutive words",
    file: SLOTS,
    find: "let mask := calldataload(next)\n                let before := sload(slot)\n                let bits := xor(or(before, mask), and(mask, off))",
    replace:
      "let mask := calldataload(next)\n                let before := sload(slot)\n                let bits := xor(xor(before, mask), and(mask, off))",
    ...HISTORIES,
  },
  {
    property: "setting is OR: words anywhere",
    file: SLOTS,
    find: "let slot := add(list.slot, word)\n                let before := sload(slot)\n                let bits := xor(or(before, mask), and(mask, off))",
    replace:
      "let slot := add(list.slot, word)\n                let before := sload(slot)\n                let bits := xor(xor(before, mask), and(mask, off))",
    ...HISTORIES,
  },
  {
    property: "clearing is AND-NOT: consecutive words",
    file: SLOTS,
    find: "let off := sub(iszero(iszero(on)), 1)\n            let slot := add(list.slot, firstWord)",
    replace: "let off := 0\n            let slot := add(list.slot, firstWord)",
    ...HISTORIES,
  },
  {
    property: "clearing is AND-NOT: words anywhere",
    file: SLOTS,
    find: "let off := sub(iszero(iszero(on)), 1)\n            let end := shl(5, words.length)",
    replace: "let off := 0\n            let end := shl(5, words.length)",
    ...HISTORIES,
  },
  {
    property: "consecutive words are consecutive",
    file: SLOTS,
    find: "slot := add(slot, 1)",
    replace: "slot := add(slot, 2)",
    ...HISTORIES,
  },
  {
    property: "each purpose has its own words",
    file: SLOTS,
    find: "return (uint256(uint160(issuer)) << 8) | purpose;",
    replace: "purpose;\n        return uint256(uint160(issuer)) << 8;",
    ...HISTORIES,
  },
  {
    property: "each issuer has its own words",
    file: SLOTS,
    find: "return (uint256(uint160(issuer)) << 8) | purpose;",
    replace: "issuer;\n        return purpose;",
    ...HISTORIES,
  },
  {
    property: "an issuer's words end: the first of many",
    file: SLOTS,
    find: "if (firstWord >= WORD_COUNT) revert ICredentialStatus.WordOutOfRange(firstWord);",
    replace: "",
    ...HISTORIES,
  },
  {
    property: "an issuer's words end: the last of many",
    file: SLOTS,
    find: "if (count > WORD_COUNT - firstWord) revert ICredentialStatus.WordOutOfRange(WORD_COUNT);",
    replace: "count;",
    ...HISTORIES,
  },
  {
    property: "an issuer's words end: words anywhere",
    file: SLOTS,
    find: "if (all >= WORD_COUNT) {",
    replace: "if (false) {",
    ...HISTORIES,
  },
  {
    property: "an issuer's words end: when they are read",
    file: STATUS,
    find: "StatusSlots.requireInRange(firstWord, count);",
    replace: "",
    test: "words.test.ts",
    title: "never reaches behind the last word",
  },
  {
    property: "there are as many words as masks",
    file: STATUS,
    find: "if (words.length != masks.length) revert LengthMismatch(words.length, masks.length);",
    replace: "",
    ...HISTORIES,
  },
  {
    property: "bits lie where the bitstring has them",
    file: SLOTS,
    find: "return FIRST_BIT >> uint8(uint256(credId));",
    replace: "return uint256(1) << uint8(uint256(credId));",
    ...HISTORIES,
  },
  {
    property: "bits lie where @digitalbazaar/bitstring reads them",
    file: SLOTS,
    find: "return FIRST_BIT >> uint8(uint256(credId));",
    replace: "return FIRST_BIT >> uint8(uint256(credId) ^ 7);",
    test: "words.test.ts",
    title: "an independent library reads bit by bit",
  },
  {
    property: "what changes no bit is no event: one credential",
    file: STATUS,
    find: "if (bits == before) return false;",
    replace: "",
    ...HISTORIES,
  },
  {
    property: "what changes no bit is no event: many words",
    file: SLOTS,
    find: "if xor(bits, before) {\n                    sstore(slot, bits)\n                    changed := 1\n                }\n                slot := add(slot, 1)",
    replace:
      "changed := 1\n                if xor(bits, before) {\n                    sstore(slot, bits)\n                }\n                slot := add(slot, 1)",
    ...HISTORIES,
  },

  // Counters.
  {
    property: "versions count every change",
    file: HEADER,
    find: "return (IdentityHeader.wrap(bits + (1 << VERSION)), count + 1);",
    replace: "return (IdentityHeader.wrap(bits), count + 1);",
    ...HISTORIES,
  },
  {
    property: "versions have no gap: what changes nothing is not counted",
    file: IDENTITIES,
    find: "if (newController == controller) return;",
    replace: "controller;",
    ...HISTORIES,
  },
  {
    property: "status sequences count every event",
    file: STATUS,
    find: "header = header.countStatusEvent();\n        stored.header = header;",
    replace: "header = header.countStatusEvent();\n        stored;",
    ...HISTORIES,
  },
  {
    property: "anchor sequences count every event",
    file: ANCHOR,
    find: "stored.header = header;",
    replace: "stored;",
    ...HISTORIES,
  },
  ...[
    ["version", HEADER, "if (count == MAX_COUNT) revert IIdentity.CounterExhausted();", "the last version"],
    [
      "the controllers' nonces",
      HEADER,
      "if (nonceCount(header) == MAX_COUNT) revert IIdentity.CounterExhausted();",
      "the last nonce of the controllers",
    ],
    [
      "the controllers' nonces, cancelled",
      HEADER,
      "if (count > MAX_COUNT) revert IIdentity.CounterExhausted();",
      "the last nonce of the controllers",
    ],
    [
      "a delegate's nonces",
      DELEGATION,
      "if (bits >> NONCE_COUNT == MAX_COUNT) revert IIdentity.CounterExhausted();",
      "the last nonce of a delegate",
    ],
    [
      "a delegate's nonces, cancelled",
      DELEGATION,
      "if (count > MAX_COUNT) revert IIdentity.CounterExhausted();",
      "the last nonce of a delegate",
    ],
    [
      "anchors",
      HEADER,
      "if (anchorSequence(header) == MAX_COUNT) revert IIdentity.CounterExhausted();",
      "the last anchor",
    ],
    [
      "status events",
      HEADER,
      "if (bits < 1 << STATUS_SEQUENCE) revert IIdentity.CounterExhausted();",
      "the last status event",
    ],
  ].map(([counter = "", file = "", find = "", title = ""]) => ({
    property: `counters never run into each other: ${counter}`,
    file,
    find,
    replace: "",
    test: "lifecycle.test.ts",
    title,
  })),

  // Signers.
  {
    property: "a contract is never asked for ECDSA: of no length",
    file: SIGNERS,
    find: "if (codeLength == 0) {",
    replace: "if (_isEcdsaSignature(signer, digest, signature)) return true;\n        if (codeLength == 0) {",
    test: "signers.test.ts",
    title: "that is a contract is never asked for ECDSA",
  },
  {
    property: "a contract of 23 bytes is no EIP-7702 delegation but by its prefix",
    file: SIGNERS,
    find: "codeLength == DELEGATED_CODE_LENGTH && EIP7702Utils.fetchDelegate(signer) != address(0)",
    replace: "codeLength == DELEGATED_CODE_LENGTH",
    test: "signers.test.ts",
    title: "that is a contract is never asked for ECDSA",
  },
  {
    property: "an EIP-7702 delegation has 23 bytes",
    file: SIGNERS,
    find: "uint256 private constant DELEGATED_CODE_LENGTH = 23;",
    replace: "uint256 private constant DELEGATED_CODE_LENGTH = 24;",
    ...HISTORIES,
  },
  {
    property: "an account with an EIP-7702 delegation also signs by its contract",
    file: SIGNERS,
    find: "if (_isEcdsaSignature(signer, digest, signature)) return true;",
    replace: "return _isEcdsaSignature(signer, digest, signature);",
    ...HISTORIES,
  },
  {
    property: "a key has more than its verifier: in a signature",
    file: SIGNERS,
    find: "if (keyEnd <= KEY_PREFIX + VERIFIER_LENGTH || keyEnd > signature.length) return false;",
    replace: "if (keyEnd < KEY_PREFIX + VERIFIER_LENGTH || keyEnd > signature.length) return false;",
    test: "signers.test.ts",
    title: "cannot sign with a key of 20 bytes",
  },
  {
    property: "a key has more than its verifier: its account",
    file: IDENTITIES,
    find: "if (key.length <= Signers.VERIFIER_LENGTH || key.length",
    replace: "if (key.length < Signers.VERIFIER_LENGTH || key.length",
    test: "signers.test.ts",
    title: "needs a key of 21 to 65,535 bytes",
  },
  {
    property: "a key has at most the length that a signature can tell",
    file: IDENTITIES,
    find: " || key.length > type(uint16).max) revert",
    replace: ") revert",
    test: "signers.test.ts",
    title: "needs a key of 21 to 65,535 bytes",
  },
  {
    property: "a signature of a wrong form is refused, not failed at",
    file: SIGNERS,
    find: "|| keyEnd > signature.length) return false;",
    replace: ") return false;",
    test: "signers.test.ts",
    title: "signs with its own key, whole and first",
  },
  {
    property: "a signature without the key's length is refused, not failed at",
    file: SIGNERS,
    find: "if (signature.length < KEY_PREFIX) return false;",
    replace: "",
    test: "signers.test.ts",
    title: "with another's signature",
  },
  {
    property: "a key account is apart from all others",
    file: SIGNERS,
    find: "keccak256(abi.encodePacked(TAG, key))",
    replace: "keccak256(abi.encodePacked(key))",
    test: "signers.test.ts",
    title: "is not the account of the same bytes without the tag",
  },
  {
    property: "a key signs for its own account",
    file: SIGNERS,
    find: "if (keyAccount(key) != signer) return false;",
    replace: "",
    test: "signers.test.ts",
    title: "signs with its own key, whole and first",
  },
  {
    property: "a contract's answer is whole",
    file: SIGNERS,
    find: "gt(returndatasize(), 31)",
    replace: "gt(returndatasize(), 3)",
    test: "signers.test.ts",
    title: "signs by ERC-1271's own answer and by nothing near it",
  },
  {
    property: "a contract's answer counts when it does not revert",
    file: SIGNERS,
    find: "yes := and(and(success, gt(returndatasize(), 31)), eq(mload(0), selector))",
    replace: "success := 1\n            yes := and(gt(returndatasize(), 31), eq(mload(0), selector))",
    test: "signers.test.ts",
    title: "does not sign by reverting",
  },
  {
    property: "a contract's answer is the one of the question",
    file: SIGNERS,
    find: "eq(mload(0), selector)",
    replace: "iszero(iszero(selector))",
    ...HISTORIES,
  },

  // Issuers.
  ...["accredit", "discredit"].map((name) => ({
    property: `the owner alone may ${name}`,
    file: ISSUERS,
    find: `function ${name}(address issuer, string calldata metadataUri) external onlyOwner {`,
    replace: `function ${name}(address issuer, string calldata metadataUri) external {`,
    test: "issuers.test.ts",
    title: "neither given nor taken by anybody else",
  })),
  {
    property: "versions of an issuer count every change",
    file: ISSUERS,
    find: "return ++stored.version;",
    replace: "return stored.version + 1;",
    test: "issuers.test.ts",
    title: "can be given again",
  },
  ...["accredited && ", "state.active && ", "!state.revoked && ", " && !state.suspended"].map((part) => ({
    property: `a credential that counts is: ${part.replaceAll(/[^a-z.!]/g, "")}`,
    file: ISSUERS,
    find: "accredited && state.active && !state.revoked && !state.suspended;",
    replace: "accredited && state.active && !state.revoked && !state.suspended;".replace(part, ""),
    test: "issuers.test.ts",
    title: "asks for an accredited, active issuer",
  })),
  {
    property: "an issuer registry asks a registry of statuses",
    file: ISSUERS,
    find: "if (!ERC165Checker.supportsInterface(address(registry), type(ICredentialStatus).interfaceId)) {",
    replace: "if (false) {",
    test: "issuers.test.ts",
    title: "is by the registry that the constructor was given",
  },
];
