/** A rule taken out of a contract, and the test file that must then fail. */
export interface Mutation {
  /** The property that the rule keeps. */
  property: string;
  file: string;
  find: string;
  replace: string;
  test: string;
  /** The part of a test's title that must be among the failures. */
  title: string;
}

const STORE = "contracts/IdentityStore.sol";
const STATUS = "contracts/CredentialStatus.sol";
const REGISTRY = "contracts/DIDRegistry.sol";
const HEADER = "contracts/Header.sol";
const ISSUERS = "contracts/IssuerRegistry.sol";

const HISTORIES = { test: "properties.test.ts", title: "the registry does what its model does" };

const VALID = "!SignatureChecker.isValidSignatureNowCalldata(consent.signer, digest, consent.signature)";

/** Accepts, beside the right signature, one over the same message in another domain. */
function alsoInDomain(chainId: string, contractAddress: string): string {
  const domainType = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
  const domain = `keccak256(abi.encode(keccak256("${domainType}"), keccak256("Cairn DIDRegistry"), keccak256("1"), ${chainId}, ${contractAddress}))`;
  const digest = `keccak256(abi.encodePacked(hex"1901", ${domain}, structHash))`;
  return `${VALID} && !SignatureChecker.isValidSignatureNowCalldata(consent.signer, ${digest}, consent.signature)`;
}

export const MUTATIONS: Mutation[] = [
  {
    property: "a DID can be registered by its own identity alone",
    file: REGISTRY,
    find: "if (!Strings.equal(did, expected)) revert DIDMismatch(did, expected);",
    replace: "expected;",
    ...HISTORIES,
  },
  {
    property: "an identity registers once",
    file: REGISTRY,
    find: "if (!header.isIn(Stage.Unregistered)) revert AlreadyRegistered(identity);",
    replace: "",
    ...HISTORIES,
  },
  {
    property: "only the controller changes an identity",
    file: REGISTRY,
    find: "if (account != _controllerOf(identity, header)) revert NotController(identity, account);",
    replace: "",
    ...HISTORIES,
  },
  {
    property: "no caller but the issuer's controller or a live status delegate changes a bit",
    file: STATUS,
    find: "if (account != _controllerOf(issuer, header) && !_isLive(issuer, STATUS_ROLE, account)) {",
    replace: "if (false) {",
    ...HISTORIES,
  },
  {
    property: "a delegation ends",
    file: STORE,
    find: "return block.timestamp < _delegations[identity][role][delegate];",
    replace: "return 0 < _delegations[identity][role][delegate];",
    ...HISTORIES,
  },
  {
    property: "a delegation ends at its second, not after it",
    file: STORE,
    find: "return block.timestamp < _delegations[identity][role][delegate];",
    replace: "return block.timestamp <= _delegations[identity][role][delegate];",
    test: "delegates.test.ts",
    title: "to the second before their end",
  },
  {
    property: "a former controller has no power",
    file: REGISTRY,
    find: "header = header.enter(selfControlled ? Stage.SelfControlled : Stage.HandedOver);",
    replace: "",
    ...HISTORIES,
  },
  {
    property: "an issuer that handed itself over has no power over its credentials",
    file: STATUS,
    find: "if (header.isIn(Stage.SelfControlled)) return (identity, header);",
    replace: "return (identity, header);",
    ...HISTORIES,
  },
  {
    property: "the zero address is never a controller",
    file: REGISTRY,
    find: "if (newController == address(0)) revert ZeroAddress();",
    replace: "",
    test: "lifecycle.test.ts",
    title: "refuses the zero address",
  },
  {
    property: "the zero address is never a delegate",
    file: REGISTRY,
    find: "if (delegate == address(0)) revert ZeroAddress();",
    replace: "",
    test: "delegates.test.ts",
    title: "cannot be the zero address",
  },
  {
    property: "deactivation is terminal",
    file: STORE,
    find: "if (header.isIn(Stage.Deactivated)) revert IdentityDeactivated(identity);",
    replace: "",
    ...HISTORIES,
  },
  {
    property: "deactivation takes effect",
    file: REGISTRY,
    find: "_recordChange(identity, header.enter(Stage.Deactivated))",
    replace: "_recordChange(identity, header)",
    ...HISTORIES,
  },
  {
    property: "revocation is terminal: one credential",
    file: STATUS,
    find: "if (word.revoked & mask != 0) revert RevocationIsFinal(credId);",
    replace: "",
    ...HISTORIES,
  },
  {
    property: "revocation is terminal: lifting a suspension does not lift a revocation",
    file: STATUS,
    find: "if (changed != 0) word.suspended = bits;",
    replace: "if (changed != 0) { word.suspended = bits; word.revoked &= bits; }",
    test: "properties.test.ts",
    title: "nothing revoked or deactivated ever comes back",
  },
  {
    property: "revocation is terminal: a batch",
    file: STATUS,
    find: "if (revoked & mask != 0) revert RevocationIsFinal(_firstCredId(wordId, revoked & mask));",
    replace: "",
    ...HISTORIES,
  },
  {
    property: "revocation is terminal: whole words",
    file: STATUS,
    find: "if (lost != 0) revert RevocationIsFinal(_firstCredId(firstWordId + i, lost));",
    replace: "lost;",
    test: "properties.test.ts",
    title: "nothing revoked or deactivated ever comes back",
  },
  {
    property: "a signature is needed at all",
    file: STORE,
    find: `if (${VALID}) {`,
    replace: "if (false) {",
    ...HISTORIES,
  },
  {
    property: "a signature works once",
    file: STORE,
    find: "header = header.countNonce();",
    replace: "",
    ...HISTORIES,
  },
  {
    property: "nonces are used in order",
    file: STORE,
    find: "if (nonce > current) revert NonceTooHigh(identity, nonce, current);",
    replace: "",
    ...HISTORIES,
  },
  {
    property: "a signature works before its deadline",
    file: STORE,
    find: "if (block.timestamp > consent.deadline) revert SignatureExpired(consent.deadline, block.timestamp);",
    replace: "",
    ...HISTORIES,
  },
  {
    property: "a signature works up to its deadline",
    file: STORE,
    find: "if (block.timestamp > consent.deadline)",
    replace: "if (block.timestamp >= consent.deadline)",
    test: "signatures.test.ts",
    title: "counts at its deadline",
  },
  {
    property: "a signature works on one chain",
    file: STORE,
    find: VALID,
    replace: alsoInDomain("uint256(1)", "address(this)"),
    test: "signatures.test.ts",
    title: "is worthless on another chain",
  },
  {
    property: "a signature works in one contract",
    file: STORE,
    find: VALID,
    // The address that the test signs for instead.
    replace: alsoInDomain("block.chainid", "address(0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65)"),
    test: "signatures.test.ts",
    title: "is worthless on another chain, and in another contract",
  },
  {
    property: "a signature has one form",
    file: STORE,
    find: VALID,
    replace: `${VALID} && (consent.signature.length != 65 || ecrecover(digest, uint8(consent.signature[64]), bytes32(consent.signature[0:32]), bytes32(consent.signature[32:64])) != consent.signer)`,
    test: "signatures.test.ts",
    title: "is refused with a high s",
  },
  {
    property: "a nonce is consumed before a contract wallet is asked",
    file: STORE,
    find: "_identities[identity].header = header;\n        emit NonceConsumed(identity, signer, nonce);",
    replace: "emit NonceConsumed(identity, signer, nonce);",
    test: "contractWallets.test.ts",
    title: "finds its nonce consumed already",
  },
  {
    property: "a nonce is burned by its owner alone",
    file: REGISTRY,
    find: "if (account != identity) revert NotController(identity, account);",
    replace: "",
    ...HISTORIES,
  },
  {
    property: "versions count every change",
    file: HEADER,
    find: "((Header.unwrap(header) & ~UPDATED_MASK) + (1 << VERSION))",
    replace: "(Header.unwrap(header) & ~UPDATED_MASK)",
    ...HISTORIES,
  },
  {
    property: "versions have no gap: what changes nothing is not counted",
    file: REGISTRY,
    find: "if (newController == previous) return;",
    replace: "",
    ...HISTORIES,
  },
  {
    property: "status sequences count every single change",
    file: STATUS,
    find: "header = header.countStatusEvent();\n        identity.header = header;",
    replace: "header = header.countStatusEvent();",
    ...HISTORIES,
  },
  {
    property: "status sequences count every event of a batch",
    file: STATUS,
    find: "if (!counted.equals(header)) identity.header = counted;",
    replace: "",
    ...HISTORIES,
  },
  {
    property: "status sequences have no gap: what is already set is not counted",
    file: STATUS,
    find: "if (before & mask != 0) return;",
    replace: "",
    ...HISTORIES,
  },
  {
    property: "counters never run into each other: version",
    file: HEADER,
    find: "if (version(header) == type(uint24).max) revert IDIDRegistry.CounterExhausted();",
    replace: "",
    test: "lifecycle.test.ts",
    title: "the last version is the last change",
  },
  {
    property: "counters never run into each other: nonce",
    file: HEADER,
    find: "if (nonce(header) == type(uint32).max) revert IDIDRegistry.CounterExhausted();",
    replace: "",
    test: "lifecycle.test.ts",
    title: "the last nonce stays the last",
  },
  {
    property: "a batch is of one issuer",
    file: STATUS,
    find: "if (_issuerOf(credId) != issuer) revert MixedIssuers(issuer, credId);",
    replace: "",
    ...HISTORIES,
  },
  {
    property: "a batch equals its singles",
    file: STATUS,
    find: "mask |= otherMask;",
    replace: "mask = otherMask;",
    test: "properties.test.ts",
    title: "a batch leaves what its singles leave",
  },
  {
    property: "bits lie where the bitstring has them",
    file: STATUS,
    find: "FIRST_BIT >> (id & 255)",
    replace: "uint256(1) << (id & 255)",
    test: "properties.test.ts",
    title: "a batch leaves what its singles leave, and the bits lie where the bitstring has them",
  },
  {
    property: "bits lie where @digitalbazaar/bitstring reads them",
    file: STATUS,
    find: "FIRST_BIT >> (id & 255)",
    replace: "FIRST_BIT >> ((id & 255) ^ 7)",
    test: "words.test.ts",
    title: "an independent library reads bit by bit",
  },
  {
    property: "words never reach into the next issuer's",
    file: STATUS,
    find: "if (firstWord >= WORD_COUNT || count > WORD_COUNT - firstWord) revert WordOutOfRange(firstWord, count);",
    replace: "count;",
    ...HISTORIES,
  },
  {
    property: "the owner alone accredits",
    file: ISSUERS,
    find: "function accredit(address issuer, string calldata metadataUri) external onlyOwner {",
    replace: "function accredit(address issuer, string calldata metadataUri) external {",
    test: "issuers.test.ts",
    title: "neither given nor taken by anybody else",
  },
  {
    property: "the owner alone discredits",
    file: ISSUERS,
    find: "function discredit(address issuer, string calldata metadataUri) external onlyOwner {",
    replace: "function discredit(address issuer, string calldata metadataUri) external {",
    test: "issuers.test.ts",
    title: "neither given nor taken by anybody else",
  },
  {
    property: "versions of an issuer count every change",
    file: ISSUERS,
    find: "return ++stored.version;",
    replace: "return stored.version + 1;",
    test: "issuers.test.ts",
    title: "can be given again",
  },
];
