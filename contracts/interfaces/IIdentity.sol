// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Consent} from "./Consent.sol";

/**
 * @title Identities
 * @notice Anchors decentralized identifiers (W3C DID 1.0). An identity is an address, and its DID is
 * `did:<method>:0x<40 lower-case hexadecimal digits>`. Nobody owns the registry, nobody can pause it, and it cannot be
 * replaced behind its address: what is anchored here means what it says.
 *
 * **Every address is an identity.** One that was never written is active and controls itself; its header is zero, and
 * it never had an event. The first write of any kind creates it. `registerDID` publishes where its document is hosted,
 * once; an identity is `registered` when such a URI is on chain.
 *
 * **Who may act.** The controller, which is the identity itself until control changes. A delegate acts for one role:
 * the registry knows `"status"` (see `ICredentialStatus`) and `"anchor"` (see `IDigestAnchor`), others are for whoever
 * reads the events. A change of control ends every delegation and every consent signed before it. When a successor is
 * named, it can take control and nobody else can.
 *
 * **Consents.** A function marked by a twin named `...WithConsent` can be sent by anyone who carries the consent of
 * the account that has the power: see `Consent`. A consent counts once, up to its deadline, as long as its nonce is the
 * current one.
 *
 * **Counters.** `version` counts the events of the identity: `DIDRegistered`, `DocumentUpdated`, `ControllerChanged`,
 * `SuccessorNamed`, `ControllerRotated`, `DelegateAdded`, `DelegateRevoked`, `DIDDeactivated`. `statusSequence` and
 * `anchorSequence` count the events of the two other interfaces. Each starts from 1 and has no gap, so that whoever
 * follows the events can prove by `headers` that none is missing. Nonces are counted apart, from 0 for each grant of
 * power.
 *
 * A call that would change nothing succeeds without event, unless its NatSpec says otherwise.
 */
interface IIdentity {
    /**
     * @notice All that is known of an identity, as `resolveDID` returns it.
     * @param did Its DID
     * @param documentUri Where the DID document is hosted; empty when the identity is not registered
     * @param documentHash SHA-256 of the hosted DID document, or zero when none was given
     * @param controller Who may change the identity
     * @param successor The commitment to the account that may take control, or zero
     * @param version How many events the identity has; zero when it has none
     * @param controlVersion The version of the last change of control, or zero
     * @param statusSequence How many status events the identity has as an issuer
     * @param anchorSequence How many digests were anchored for the identity
     * @param nonce The nonce that the controller's next consent must carry
     * @param createdAt Time of version 1, Unix seconds, or zero
     * @param updatedAt Time of the last version, Unix seconds, or zero
     * @param registered Whether a document's URI is on chain
     * @param active Whether the identity is not deactivated
     */
    struct DIDRecord {
        string did;
        string documentUri;
        bytes32 documentHash;
        address controller;
        bytes32 successor;
        uint256 version;
        uint256 controlVersion;
        uint256 statusSequence;
        uint256 anchorSequence;
        uint256 nonce;
        uint256 createdAt;
        uint256 updatedAt;
        bool registered;
        bool active;
    }

    /**
     * @notice One registration of a bulk; the identity is `consent.signer`.
     * @param documentUri Where the DID document is hosted, 1 to 2,048 bytes
     * @param documentHash SHA-256 of the hosted document, or zero
     * @param consent The identity's consent to `RegisterDID`, as in `registerDIDWithConsent`
     */
    struct Registration {
        string documentUri;
        bytes32 documentHash;
        Consent consent;
    }

    /// @notice A DID method's name must be 1 to 25 lower-case letters or digits (DID 1.0, section 3.1).
    error InvalidMethod(string method);

    /// @notice The text is not the DID of the identity that is to be registered.
    error DIDMismatch(string did, string expected);

    /// @notice A document's URI is on chain already; registering cannot happen twice.
    error AlreadyRegistered(address identity);

    /// @notice The identity is deactivated, which is final.
    error IdentityDeactivated(address identity);

    /// @notice Only the controller may do this.
    error NotController(address identity, address account);

    /// @notice The account is neither the controller nor a delegate that holds the role now.
    error NotAuthorized(address identity, bytes32 role, address account);

    /// @notice The zero address can be neither controller nor delegate.
    error ZeroAddress();

    /// @notice A document's URI has 1 to `maxLength` bytes.
    error InvalidDocumentUriLength(uint256 length, uint256 maxLength);

    /// @notice A delegation must end in the future.
    /// @param expiresAt The end that was asked for, Unix seconds
    /// @param blockTime The time of this block, Unix seconds
    error DelegationAlreadyExpired(uint256 expiresAt, uint256 blockTime);

    /// @notice There is no delegation to revoke: never granted, revoked, or ended by a change of control.
    error DelegateNotFound(address identity, bytes32 role, address delegate);

    /// @notice A successor is named, and only it may take control: no other change of control and no deactivation.
    error SuccessorRequired(address identity);

    /// @notice A successor is named, and it cannot be replaced but by itself when it takes control.
    error SuccessorAlreadyNamed(address identity);

    /// @notice The account, with this salt, is not the successor that the identity committed to.
    error NotSuccessor(address identity, address account);

    /// @notice A commitment of zero commits to nobody.
    error ZeroCommitment();

    /// @notice The consent came too late.
    /// @param deadline The last second at which it counted, Unix seconds
    /// @param blockTime The time of this block, Unix seconds
    error SignatureExpired(uint256 deadline, uint256 blockTime);

    /**
     * @notice The nonce is not the current one: it was consumed or cancelled, consents with earlier nonces must come
     * first, or the power that it names was granted anew meanwhile. `cancelNonces` reverts with it too, for a
     * `nextNonce` that is not 1 to 65,536 ahead.
     * @param nonce The nonce that was given
     * @param current The nonce that would have counted
     */
    error NonceMismatch(address identity, address signer, uint256 nonce, uint256 current);

    /// @notice The signature is not `signer`'s over `digest`: other data, another chain or contract, another key, a
    /// high `s`, a wrong form, or a contract that does not approve.
    error InvalidSignature(address signer, bytes32 digest);

    /// @notice An ERC-7913 key of an account has 21 to 65,535 bytes: 20 of the verifier, the rest of the public key.
    error InvalidKeyLength(uint256 length);

    /// @notice An entry of a bulk could be skipped for want of gas: the transaction's gas limit must be higher.
    error InsufficientGas(uint256 left, uint256 required);

    /// @notice A counter is at its end: 4,294,967,295, or 1,099,511,627,775 status events.
    error CounterExhausted();

    /**
     * @notice An identity published its document for the first time, by its own key.
     * @param identity The identity
     * @param documentUri Where its DID document is hosted
     * @param documentHash SHA-256 of that document, or zero
     * @param version How many events this identity has, this one included: gapless, from 1
     */
    event DIDRegistered(address indexed identity, string documentUri, bytes32 documentHash, uint256 version);

    /// @notice The controller changed the location or the digest of the DID document, or published them for the first
    /// time. Parameters as in `DIDRegistered`.
    event DocumentUpdated(address indexed identity, string documentUri, bytes32 documentHash, uint256 version);

    /// @notice Another account controls the identity from now on. All delegations and earlier consents end.
    event ControllerChanged(address indexed identity, address indexed controller, uint256 version);

    /// @notice The identity committed to a successor, which alone can take control from now on.
    /// @param commitment `keccak256(abi.encode(identity, successor, salt))`
    event SuccessorNamed(address indexed identity, bytes32 commitment, uint256 version);

    /// @notice The successor controls the identity from now on. All delegations and earlier consents end.
    /// @param commitment The commitment to the next successor, or zero when there is none
    event ControllerRotated(address indexed identity, address indexed controller, bytes32 commitment, uint256 version);

    /// @notice An account was given a role, or its role another end.
    /// @param expiresAt The first second at which the role no longer holds, Unix seconds
    event DelegateAdded(
        address indexed identity,
        bytes32 indexed role,
        address indexed delegate,
        uint64 expiresAt,
        uint256 version
    );

    /// @notice An account's role was taken away.
    event DelegateRevoked(address indexed identity, bytes32 indexed role, address indexed delegate, uint256 version);

    /// @notice The identity is deactivated for good.
    event DIDDeactivated(address indexed identity, uint256 version);

    /// @notice A consent of `signer` was used. The nonce tells whether it was the controller's or a delegate's: see
    /// `Consent`.
    event NonceConsumed(address indexed identity, address indexed signer, uint256 nonce);

    /// @notice The nonces of `signer` from `firstNonce` up to, but not including, `nextNonce` will never count.
    event NoncesCancelled(address indexed identity, address indexed signer, uint256 firstNonce, uint256 nextNonce);

    /**
     * @notice Publishes where the document of the caller's own DID is hosted, without a digest of it.
     * @dev Reverts with `AlreadyRegistered` when a URI is on chain, and with `NotController` when the identity is
     * controlled by another account.
     * @param did `did:<method>:0x<the caller, 40 lower-case hexadecimal digits>`
     * @param documentUri Where the DID document is hosted, 1 to 2,048 bytes
     */
    function registerDID(string calldata did, string calldata documentUri) external;

    /// @notice `registerDID` with the document's digest.
    /// @param documentHash SHA-256 of the hosted document, by which whoever resolves can tell a swapped document
    function registerDIDWithHash(string calldata did, string calldata documentUri, bytes32 documentHash) external;

    /// @notice `registerDIDWithHash` for `consent.signer`, which signs `RegisterDID(address signer,string did,
    /// string documentUri,bytes32 documentHash,uint256 nonce,uint256 deadline)`.
    function registerDIDWithConsent(
        string calldata did,
        string calldata documentUri,
        bytes32 documentHash,
        Consent calldata consent
    ) external;

    /**
     * @notice Registers many identities, each by its own consent, as `registerDIDWithConsent` does.
     * @dev An entry that `registerDIDWithConsent` would refuse is skipped and keeps its nonce; it does not hinder the
     * others. A signer with code, and the verifier of a key, get at most 400,000 gas. At each entry 500,000 gas must be
     * left, used or not, so that none is skipped for want of gas: the call reverts with `InsufficientGas` instead, and
     * `eth_estimateGas` gives an amount with which every good entry is registered.
     * @return registered How many entries were registered
     */
    function registerManyWithConsent(Registration[] calldata registrations) external returns (uint256 registered);

    /**
     * @notice Changes where the DID document is hosted, and its digest. By the controller.
     * @dev An identity that is not registered yet is registered by this.
     * @param documentUri 1 to 2,048 bytes
     * @param documentHash SHA-256 of the hosted document, or zero
     */
    function updateDocument(address identity, string calldata documentUri, bytes32 documentHash) external;

    /// @notice `updateDocument` by the controller's consent to `UpdateDocument(address signer,address identity,
    /// string documentUri,bytes32 documentHash,uint256 nonce,uint256 deadline)`.
    function updateDocumentWithConsent(
        address identity,
        string calldata documentUri,
        bytes32 documentHash,
        Consent calldata consent
    ) external;

    /**
     * @notice Hands the identity to another account. By the controller, when no successor is named.
     * @dev The former controller, the identity's own key included, has no power over it from then on. All delegations
     * end, and so do all consents signed before.
     */
    function changeController(address identity, address newController) external;

    /// @notice `changeController` by the controller's consent to `ChangeController(address signer,address identity,
    /// address newController,uint256 nonce,uint256 deadline)`.
    function changeControllerWithConsent(address identity, address newController, Consent calldata consent) external;

    /**
     * @notice Commits the identity to a successor (pre-rotation). By the controller, when no successor is named.
     * @dev From then on the controller can neither change control nor deactivate nor name another successor, and
     * neither can whoever steals its key. A successor whose key is lost, or a commitment that nobody can open, freezes
     * control as it is, for ever.
     * @param commitment `keccak256(abi.encode(identity, successor, salt))`. The successor is an account of any kind: a
     * key kept offline, or a contract with guardians and delays. The salt hides which
     */
    function nameSuccessor(address identity, bytes32 commitment) external;

    /// @notice `nameSuccessor` by the controller's consent to `NameSuccessor(address signer,address identity,
    /// bytes32 commitment,uint256 nonce,uint256 deadline)`.
    function nameSuccessorWithConsent(address identity, bytes32 commitment, Consent calldata consent) external;

    /**
     * @notice Takes control of the identity. By the successor that it committed to.
     * @dev All delegations end, and so do all consents signed before.
     * @param salt The salt of the commitment
     * @param nextCommitment The commitment to the next successor, or zero for none
     */
    function rotateController(address identity, bytes32 salt, bytes32 nextCommitment) external;

    /**
     * @notice `rotateController` by the successor's consent to `RotateController(address signer,address identity,
     * bytes32 salt,bytes32 nextCommitment,uint256 nonce,uint256 deadline)`.
     * @dev The nonce is `controlVersion << 64`, and none is consumed: the controller cannot void the consent by
     * consuming or cancelling its own nonces, and the rotation itself makes the consent void.
     */
    function rotateControllerWithConsent(
        address identity,
        bytes32 salt,
        bytes32 nextCommitment,
        Consent calldata consent
    ) external;

    /**
     * @notice Gives an account a role until `expiresAt`, or gives the role that it holds another end. By the
     * controller.
     * @dev Another end of a role held now keeps the delegate's nonce; a role granted anew starts a new one, so that
     * consents to an earlier grant never count again.
     * @param expiresAt The first second at which the role no longer holds, Unix seconds
     */
    function addDelegate(address identity, bytes32 role, address delegate, uint64 expiresAt) external;

    /// @notice `addDelegate` by the controller's consent to `AddDelegate(address signer,address identity,bytes32 role,
    /// address delegate,uint64 expiresAt,uint256 nonce,uint256 deadline)`.
    function addDelegateWithConsent(
        address identity,
        bytes32 role,
        address delegate,
        uint64 expiresAt,
        Consent calldata consent
    ) external;

    /// @notice Takes a role away from an account, at once; an expired one too. By the controller.
    /// @dev Reverts with `DelegateNotFound` when there is none.
    function revokeDelegate(address identity, bytes32 role, address delegate) external;

    /// @notice `revokeDelegate` by the controller's consent to `RevokeDelegate(address signer,address identity,
    /// bytes32 role,address delegate,uint256 nonce,uint256 deadline)`.
    function revokeDelegateWithConsent(
        address identity,
        bytes32 role,
        address delegate,
        Consent calldata consent
    ) external;

    /// @notice Ends the identity for good: from then on every write to it, to the status of its credentials and to its
    /// anchors reverts. By the controller, when no successor is named.
    function deactivateDID(address identity) external;

    /// @notice `deactivateDID` by the controller's consent to `DeactivateDID(address signer,address identity,
    /// uint256 nonce,uint256 deadline)`.
    function deactivateDIDWithConsent(address identity, Consent calldata consent) external;

    /**
     * @notice Makes every consent with a nonce below `nextNonce` worthless. By the controller for its own nonce, by a
     * delegate that holds the role for its own.
     * @dev Reverts with `NonceMismatch` unless `nextNonce` is 1 to 65,536 ahead of the current nonce and names the same
     * grant: a consent that was used meanwhile is reported, and nothing that is wanted is cancelled by accident.
     * @param role The role of the delegate; anything for the controller
     * @param nextNonce The first nonce that shall still count
     */
    function cancelNonces(address identity, bytes32 role, uint256 nextNonce) external;

    /// @notice `cancelNonces` by the consent of the account whose nonces they are to `CancelNonces(address signer,
    /// address identity,bytes32 role,uint256 nextNonce,uint256 nonce,uint256 deadline)`.
    /// @dev The consent consumes its own nonce, so that `nextNonce` may also be the one after it; then nothing else is
    /// cancelled and there is no `NoncesCancelled`.
    function cancelNoncesWithConsent(
        address identity,
        bytes32 role,
        uint256 nextNonce,
        Consent calldata consent
    ) external;

    /// @notice All that is known of an identity, in one call. Never reverts: see `DIDRecord` for one never written.
    function resolveDID(address identity) external view returns (DIDRecord memory record);

    /**
     * @notice The packed headers of many identities, by which a follower of the events proves that it has them all.
     * @dev Of each header, from the least significant bit: stage 2 (0 self-controlled, 1 handed over, 2 deactivated),
     * registered 1, guarded by a successor 1, unused 4, version 32, controlVersion 32, the controller's nonce count
     * 32, anchorSequence 32, createdAt 40, updatedAt 40, statusSequence 40. Zero means: no event, ever. A header is
     * the first slot of `keccak256(abi.encode(identity, 2))`, so that `eth_getProof` proves it without trust.
     */
    function headers(address[] calldata identities) external view returns (uint256[] memory packed);

    /**
     * @notice The nonce that the next consent of an account must carry.
     * @dev Reverts as the consent would: with `IdentityDeactivated`, or with `NotAuthorized` for an account that is
     * neither the controller nor a delegate that holds the role. A successor's is `controlVersion << 64`.
     * @param role The role of a delegate; anything for the controller
     */
    function nonceOfSigner(address identity, bytes32 role, address signer) external view returns (uint256 nonce);

    /// @notice Who may change the identity, or was the last who could when it is deactivated.
    function controllerOf(address identity) external view returns (address controller);

    /// @notice Whether an account holds a role now: granted since the last change of control, not revoked, not expired,
    /// and the identity is active. The controller is no delegate.
    function isDelegate(address identity, bytes32 role, address delegate) external view returns (bool live);

    /// @notice When a delegation ends, Unix seconds, past or future; zero when there is none, or a change of control
    /// ended it.
    function delegateExpiresAt(
        address identity,
        bytes32 role,
        address delegate
    ) external view returns (uint64 expiresAt);

    /**
     * @notice The account of an ERC-7913 key, which can be an identity, a controller or a delegate.
     * @dev The low 20 bytes of `keccak256(TAG || key)`, where TAG is `keccak256("Cairn account of an ERC-7913 key")`.
     * No account of another kind has the same address. Whoever uses a key trusts its verifier.
     * @param key `verifier (20 bytes) || public key`, 21 to 65,535 bytes
     */
    function keyAccount(bytes calldata key) external pure returns (address account);

    /// @notice The name of the DID method.
    function method() external view returns (string memory name);
}
