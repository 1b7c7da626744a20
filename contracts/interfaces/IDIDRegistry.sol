// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ICredentialStatus} from "./ICredentialStatus.sol";

/**
 * @title DID registry
 * @notice Anchors decentralized identifiers (W3C DID 1.0). An identity is an address, and its DID is
 * `did:<method>:0x<40 lower-case hexadecimal digits>`. Nobody owns this contract, nobody can pause it, and it cannot be
 * replaced behind its address: what is anchored here means what it says.
 *
 * Every write has a twin named `...For`, by which a relayer pays the gas and the holder consents by an EIP-712
 * signature. Domain: name `Cairn DIDRegistry`, version `1`, the chain's id, this contract. A signature counts once,
 * while its nonce is the identity's current one, and up to its deadline. Accounts without code sign by ECDSA, with the
 * low `s` only; accounts with code answer by ERC-1271.
 *
 * Each identity counts its changes: `version` for its own events and `statusSequence` for those of the credentials it
 * issues. Both start from 1 and have no gap, so that whoever follows the events can prove that none is missing. The one
 * event outside these counts is `NonceConsumed`, which is counted by its own `nonce`, from 0.
 */
interface IDIDRegistry is ICredentialStatus {
    /**
     * @notice All that is known of an identity, as `resolveDID` returns it.
     * @param did The DID; empty when the identity is not registered
     * @param documentUri Where the DID document is hosted
     * @param documentHash SHA-256 of the hosted DID document, or zero when none was given
     * @param controller Who may change the identity; zero when it is not registered
     * @param version How many events the identity has; zero when it is not registered
     * @param statusSequence How many status events the identity has as an issuer
     * @param nonce The nonce that the next signature for this identity must carry
     * @param createdBlock Block of the registration
     * @param createdAt Time of the registration, Unix seconds
     * @param updatedBlock Block of the last change that counted in `version`
     * @param updatedAt Time of that change, Unix seconds
     * @param active Whether the identity is registered and not deactivated
     */
    struct DIDRecord {
        string did;
        string documentUri;
        bytes32 documentHash;
        address controller;
        uint256 version;
        uint256 statusSequence;
        uint256 nonce;
        uint256 createdBlock;
        uint256 createdAt;
        uint256 updatedBlock;
        uint256 updatedAt;
        bool active;
    }

    /// @notice A DID method's name must be 1 to 31 lower-case letters or digits (DID 1.0, section 3.1).
    error InvalidMethod(string method);

    /// @notice The text is not the DID of the identity that is to be registered.
    error DIDMismatch(string did, string expected);

    /// @notice The identity has been registered before, by whichever way; this cannot happen twice.
    error AlreadyRegistered(address identity);

    /// @notice The identity was never registered.
    error NotRegistered(address identity);

    /// @notice The identity is deactivated, which is final.
    error IdentityDeactivated(address identity);

    /// @notice Only the controller may do this.
    error NotController(address identity, address account);

    /// @notice The zero address can be neither controller nor delegate.
    error ZeroAddress();

    /// @notice A document's URI has 1 to `maxLength` bytes.
    error InvalidDocumentUriLength(uint256 length, uint256 maxLength);

    /// @notice A delegation must end in the future.
    /// @param expiresAt The end that was asked for, Unix seconds
    /// @param blockTime The time of this block, Unix seconds
    error DelegationAlreadyExpired(uint256 expiresAt, uint256 blockTime);

    /// @notice There is no delegation, live or expired, to revoke.
    error DelegateNotFound(address identity, bytes32 role, address delegate);

    /// @notice The signature came too late.
    /// @param deadline The last second at which it counted, Unix seconds
    /// @param blockTime The time of this block, Unix seconds
    error SignatureExpired(uint256 deadline, uint256 blockTime);

    /// @notice The nonce is gone: the signature was used before, or its nonce was used by another one or burned.
    error NonceAlreadyConsumed(address identity, uint256 nonce, uint256 currentNonce);

    /// @notice Signatures with earlier nonces must come first.
    error NonceTooHigh(address identity, uint256 nonce, uint256 currentNonce);

    /// @notice The signature is not `signer`'s over `digest`: other data, another chain or contract, another key, a
    /// high `s`, a wrong length, or a contract wallet that does not approve.
    error InvalidSignature(address signer, bytes32 digest);

    /// @notice An identity has had all the changes (16,777,215) or nonces (4,294,967,295) that can be counted.
    error CounterExhausted();

    /**
     * @notice An identity was registered.
     * @param identity The identity
     * @param controller Who may change it: the identity itself, at first
     * @param did Its DID
     * @param documentUri Where its DID document is hosted
     * @param documentHash SHA-256 of that document, or zero
     * @param version Always 1
     */
    event DIDRegistered(
        address indexed identity,
        address indexed controller,
        string did,
        string documentUri,
        bytes32 documentHash,
        uint256 version
    );

    /// @notice The location or the digest of the DID document changed.
    event DocumentUpdated(address indexed identity, string documentUri, bytes32 documentHash, uint256 version);

    /// @notice Another account controls the identity from now on.
    event ControllerChanged(
        address indexed identity,
        address indexed previousController,
        address indexed newController,
        uint256 version
    );

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

    /// @notice A nonce was consumed: by a signed call, whose signer this names, or by burning it.
    event NonceConsumed(address indexed identity, address indexed signer, uint256 nonce);

    /**
     * @notice Registers the caller's own DID without a digest of its document.
     * @param did `did:<method>:0x<the caller, 40 lower-case hexadecimal digits>`
     * @param documentUri Where the DID document is hosted, 1 to 2,048 bytes
     */
    function registerDID(string calldata did, string calldata documentUri) external;

    /// @notice Registers the caller's own DID.
    /// @param documentHash SHA-256 of the hosted document, by which whoever resolves can tell a swapped document
    function registerDID(string calldata did, string calldata documentUri, bytes32 documentHash) external;

    /// @notice Registers the DID of `consent.signer` by its own signature over `RegisterDID(address identity,
    /// string did,string documentUri,bytes32 documentHash,uint256 nonce,uint256 deadline)`.
    function registerDIDFor(
        string calldata did,
        string calldata documentUri,
        bytes32 documentHash,
        Consent calldata consent
    ) external;

    /// @notice Changes where the DID document is hosted, and its digest. What is already so costs no event.
    function updateDocument(address identity, string calldata documentUri, bytes32 documentHash) external;

    /// @notice `updateDocument` by the controller's signature over `UpdateDocument(address identity,
    /// string documentUri,bytes32 documentHash,uint256 nonce,uint256 deadline)`.
    function updateDocumentFor(
        address identity,
        string calldata documentUri,
        bytes32 documentHash,
        Consent calldata consent
    ) external;

    /**
     * @notice Hands the identity to another account. The former controller, the identity's own key included, has no
     * power over it from then on. Delegations stay as they are. What is already so costs no event.
     */
    function changeController(address identity, address newController) external;

    /// @notice `changeController` by the controller's signature over `ChangeController(address identity,
    /// address newController,uint256 nonce,uint256 deadline)`.
    function changeControllerFor(address identity, address newController, Consent calldata consent) external;

    /**
     * @notice Gives an account a role until `expiresAt`, or gives its role another end. What is already so costs no
     * event.
     * @dev `STATUS_ROLE` is the one role this contract acts upon. Others are for whoever reads the events.
     * @param expiresAt The first second at which the role no longer holds, Unix seconds
     */
    function addDelegate(address identity, bytes32 role, address delegate, uint64 expiresAt) external;

    /// @notice `addDelegate` by the controller's signature over `AddDelegate(address identity,bytes32 role,
    /// address delegate,uint64 expiresAt,uint256 nonce,uint256 deadline)`.
    function addDelegateFor(
        address identity,
        bytes32 role,
        address delegate,
        uint64 expiresAt,
        Consent calldata consent
    ) external;

    /// @notice Takes a role away from an account, at once.
    function revokeDelegate(address identity, bytes32 role, address delegate) external;

    /// @notice `revokeDelegate` by the controller's signature over `RevokeDelegate(address identity,bytes32 role,
    /// address delegate,uint256 nonce,uint256 deadline)`.
    function revokeDelegateFor(address identity, bytes32 role, address delegate, Consent calldata consent) external;

    /// @notice Ends the identity for good: from then on every write to it, and to the status of its credentials,
    /// reverts.
    function deactivateDID(address identity) external;

    /// @notice `deactivateDID` by the controller's signature over
    /// `DeactivateDID(address identity,uint256 nonce,uint256 deadline)`.
    function deactivateDIDFor(address identity, Consent calldata consent) external;

    /**
     * @notice Makes every signature with the current nonce worthless. Before the registration, the identity itself may
     * do this; afterwards its controller.
     * @param nonce The nonce to burn. If it was consumed meanwhile, the call reverts with `NonceAlreadyConsumed`
     * rather than burn one that somebody still wants.
     */
    function burnNonce(address identity, uint256 nonce) external;

    /// @notice `burnNonce` by the controller's signature (before the registration, the identity's) over
    /// `BurnNonce(address identity,uint256 nonce,uint256 deadline)`.
    function burnNonceFor(address identity, Consent calldata consent) external;

    /**
     * @notice All that is known of an identity, in one call.
     * @dev Does not revert for an identity that is not registered: its `version` is 0, and everything but the nonce is
     * empty.
     */
    function resolveDID(address identity) external view returns (DIDRecord memory record);

    /// @notice The name of the DID method.
    function method() external view returns (string memory name);

    /// @notice Who may change the identity; the zero address when it is not registered.
    function controllerOf(address identity) external view returns (address controller);

    /// @notice The nonce that the next signature for this identity must carry.
    function nonceOf(address identity) external view returns (uint256 nonce);

    /// @notice When a delegation ends, Unix seconds, past or future; zero when there is none.
    function delegateExpiresAt(
        address identity,
        bytes32 role,
        address delegate
    ) external view returns (uint64 expiresAt);

    /// @notice Whether an account holds a role now: given, not revoked, not expired, and the identity is active.
    function isDelegate(address identity, bytes32 role, address delegate) external view returns (bool live);
}
