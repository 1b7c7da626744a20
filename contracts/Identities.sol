// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";
import {IdentityStore} from "./IdentityStore.sol";
import {Consent} from "./interfaces/Consent.sol";
import {IIdentity} from "./interfaces/IIdentity.sol";
import {ConsentHashes} from "./libraries/ConsentHashes.sol";
import {Delegation, DelegationFields} from "./libraries/Delegation.sol";
import {HexAddress} from "./libraries/HexAddress.sol";
import {IdentityHeader, IdentityHeaderFields} from "./libraries/IdentityHeader.sol";
import {Signers} from "./libraries/Signers.sol";

/**
 * @title Identities
 * @dev The life cycle of identities. A `...WithConsent` function differs from its twin in one thing: where the
 * authority comes from.
 */
abstract contract Identities is IdentityStore {
    uint256 private constant MAX_URI_LENGTH = 2048;

    /// @dev How far ahead nonces can be cancelled at once, so that a slip cannot use them up.
    uint256 private constant MAX_CANCELLED = 65_536;

    /// @dev The most gas that one signer's contract gets in a bulk, so that a hostile one cannot use up the others'.
    /// P-256 in Solidity, where a chain has no precompile for it, takes 241,000.
    uint256 private constant BULK_SIGNATURE_GAS = 400_000;

    /// @dev The gas that must be left at each entry of a bulk: 64/63 of `BULK_SIGNATURE_GAS` (EIP-150), 48,000 to write
    /// what is registered, and the rest to hand over a signature. What is not used is not paid.
    uint256 private constant BULK_ENTRY_GAS = 500_000;

    /// @dev `did:<method>:0x`, left-aligned, and how many bytes of it count.
    bytes32 private immutable _didPrefix;
    uint256 private immutable _didPrefixLength;

    /// @param didMethod The name between `did:` and `:0x...`, 1 to 25 lower-case letters or digits
    constructor(string memory didMethod) {
        bytes memory name = bytes(didMethod);
        bool valid = name.length > 0 && name.length <= HexAddress.MAX_METHOD_LENGTH;
        for (uint256 i = 0; valid && i < name.length; ++i) {
            bytes1 char = name[i];
            valid = (char >= "a" && char <= "z") || (char >= "0" && char <= "9");
        }
        if (!valid) revert InvalidMethod(didMethod);
        (_didPrefix, _didPrefixLength) = HexAddress.prefixOf(didMethod);
    }

    /// @inheritdoc IIdentity
    function registerDID(string calldata did, string calldata documentUri) external {
        (Identity storage stored, IdentityHeader header) = _registrable(msg.sender);
        _register(msg.sender, stored, header, did, documentUri, bytes32(0));
    }

    /// @inheritdoc IIdentity
    function registerDIDWithHash(string calldata did, string calldata documentUri, bytes32 documentHash) external {
        (Identity storage stored, IdentityHeader header) = _registrable(msg.sender);
        _register(msg.sender, stored, header, did, documentUri, documentHash);
    }

    /// @inheritdoc IIdentity
    function registerDIDWithConsent(
        string calldata did,
        string calldata documentUri,
        bytes32 documentHash,
        Consent calldata consent
    ) external {
        address identity = consent.signer;
        (Identity storage stored, IdentityHeader header) = _registrable(identity);
        bytes32 didHash = _requireDID(identity, did);
        _requireUri(documentUri);
        bytes32 structHash = ConsentHashes.registerDID(consent, didHash, documentUri, documentHash);
        header = _consumeConsent(identity, stored, header, CONTROLLER, Delegation.wrap(0), structHash, consent);
        _publish(identity, stored, header, documentUri, documentHash);
    }

    /// @inheritdoc IIdentity
    function registerManyWithConsent(Registration[] calldata registrations) external returns (uint256 registered) {
        for (uint256 i = 0; i < registrations.length; ++i) {
            // Or else a signature would be found bad for want of gas, and its entry skipped.
            if (gasleft() < BULK_ENTRY_GAS) revert InsufficientGas(gasleft(), BULK_ENTRY_GAS);
            if (_tryRegister(registrations[i])) ++registered;
        }
    }

    /// @inheritdoc IIdentity
    function updateDocument(address identity, string calldata documentUri, bytes32 documentHash) external {
        (Identity storage stored, IdentityHeader header) = _controlled(identity, msg.sender);
        _updateDocument(identity, stored, header, documentUri, documentHash);
    }

    /// @inheritdoc IIdentity
    function updateDocumentWithConsent(
        address identity,
        string calldata documentUri,
        bytes32 documentHash,
        Consent calldata consent
    ) external {
        bytes32 structHash = ConsentHashes.updateDocument(consent, identity, documentUri, documentHash);
        (Identity storage stored, IdentityHeader header) = _controlledByConsent(identity, structHash, consent);
        _updateDocument(identity, stored, header, documentUri, documentHash);
    }

    /// @inheritdoc IIdentity
    function changeController(address identity, address newController) external {
        (Identity storage stored, IdentityHeader header) = _controlled(identity, msg.sender);
        _changeController(identity, stored, header, msg.sender, newController);
    }

    /// @inheritdoc IIdentity
    function changeControllerWithConsent(address identity, address newController, Consent calldata consent) external {
        bytes32 structHash = ConsentHashes.changeController(consent, identity, newController);
        (Identity storage stored, IdentityHeader header) = _controlledByConsent(identity, structHash, consent);
        _changeController(identity, stored, header, consent.signer, newController);
    }

    /// @inheritdoc IIdentity
    function nameSuccessor(address identity, bytes32 commitment) external {
        (Identity storage stored, IdentityHeader header) = _controlled(identity, msg.sender);
        _nameSuccessor(identity, stored, header, commitment);
    }

    /// @inheritdoc IIdentity
    function nameSuccessorWithConsent(address identity, bytes32 commitment, Consent calldata consent) external {
        bytes32 structHash = ConsentHashes.nameSuccessor(consent, identity, commitment);
        (Identity storage stored, IdentityHeader header) = _controlledByConsent(identity, structHash, consent);
        _nameSuccessor(identity, stored, header, commitment);
    }

    /// @inheritdoc IIdentity
    function rotateController(address identity, bytes32 salt, bytes32 nextCommitment) external {
        (Identity storage stored, IdentityHeader header) = _succeeded(identity, msg.sender, salt);
        _rotateController(identity, stored, header, msg.sender, nextCommitment);
    }

    /// @inheritdoc IIdentity
    function rotateControllerWithConsent(
        address identity,
        bytes32 salt,
        bytes32 nextCommitment,
        Consent calldata consent
    ) external {
        (Identity storage stored, IdentityHeader header) = _succeeded(identity, consent.signer, salt);
        // Without a count, which the controller could move. The rotation makes another controlVersion.
        _requireCurrent(identity, consent, header.controlVersion() << 64);
        _requireSigned(ConsentHashes.rotateController(consent, identity, salt, nextCommitment), consent);
        _rotateController(identity, stored, header, consent.signer, nextCommitment);
    }

    /// @inheritdoc IIdentity
    function addDelegate(address identity, bytes32 role, address delegate, uint64 expiresAt) external {
        (Identity storage stored, IdentityHeader header) = _controlled(identity, msg.sender);
        _addDelegate(identity, stored, header, role, delegate, expiresAt);
    }

    /// @inheritdoc IIdentity
    function addDelegateWithConsent(
        address identity,
        bytes32 role,
        address delegate,
        uint64 expiresAt,
        Consent calldata consent
    ) external {
        bytes32 structHash = ConsentHashes.addDelegate(consent, identity, role, delegate, expiresAt);
        (Identity storage stored, IdentityHeader header) = _controlledByConsent(identity, structHash, consent);
        _addDelegate(identity, stored, header, role, delegate, expiresAt);
    }

    /// @inheritdoc IIdentity
    function revokeDelegate(address identity, bytes32 role, address delegate) external {
        (Identity storage stored, IdentityHeader header) = _controlled(identity, msg.sender);
        _revokeDelegate(identity, stored, header, role, delegate);
    }

    /// @inheritdoc IIdentity
    function revokeDelegateWithConsent(
        address identity,
        bytes32 role,
        address delegate,
        Consent calldata consent
    ) external {
        bytes32 structHash = ConsentHashes.revokeDelegate(consent, identity, role, delegate);
        (Identity storage stored, IdentityHeader header) = _controlledByConsent(identity, structHash, consent);
        _revokeDelegate(identity, stored, header, role, delegate);
    }

    /// @inheritdoc IIdentity
    function deactivateDID(address identity) external {
        (Identity storage stored, IdentityHeader header) = _controlled(identity, msg.sender);
        _deactivate(identity, stored, header);
    }

    /// @inheritdoc IIdentity
    function deactivateDIDWithConsent(address identity, Consent calldata consent) external {
        bytes32 structHash = ConsentHashes.deactivateDID(consent, identity);
        (Identity storage stored, IdentityHeader header) = _controlledByConsent(identity, structHash, consent);
        _deactivate(identity, stored, header);
    }

    /// @inheritdoc IIdentity
    function cancelNonces(address identity, bytes32 role, uint256 nextNonce) external {
        Identity storage stored = _identities[identity];
        IdentityHeader header = stored.header;
        (bytes32 key, Delegation delegation) = _powerOf(identity, stored, header, role, msg.sender);
        uint256 current = _currentNonce(header, key, delegation);
        _cancelNonces(identity, stored, header, key, delegation, msg.sender, current, nextNonce);
    }

    /// @inheritdoc IIdentity
    function cancelNoncesWithConsent(
        address identity,
        bytes32 role,
        uint256 nextNonce,
        Consent calldata consent
    ) external {
        bytes32 structHash = ConsentHashes.cancelNonces(consent, identity, role, nextNonce);
        Identity storage stored = _identities[identity];
        IdentityHeader header = stored.header;
        (bytes32 key, Delegation delegation) = _powerOf(identity, stored, header, role, consent.signer);
        header = _consumeConsent(identity, stored, header, key, delegation, structHash, consent);
        uint256 current = consent.nonce + 1;
        if (nextNonce == current) return;
        _cancelNonces(identity, stored, header, key, delegation, consent.signer, current, nextNonce);
    }

    /// @inheritdoc IIdentity
    function resolveDID(address identity) external view returns (DIDRecord memory record) {
        Identity storage stored = _identities[identity];
        IdentityHeader header = stored.header;
        record.did = _didOf(identity);
        record.documentUri = stored.documentUri;
        record.documentHash = stored.documentHash;
        record.controller = _controllerOf(identity, stored, header);
        record.successor = stored.successor;
        record.version = header.version();
        record.controlVersion = header.controlVersion();
        record.statusSequence = header.statusSequence();
        record.anchorSequence = header.anchorSequence();
        record.nonce = header.nonce();
        record.createdAt = header.createdAt();
        record.updatedAt = header.updatedAt();
        record.registered = header.isRegistered();
        record.active = !header.isDeactivated();
    }

    /// @inheritdoc IIdentity
    function headers(address[] calldata identities) external view returns (uint256[] memory packed) {
        packed = new uint256[](identities.length);
        for (uint256 i = 0; i < identities.length; ++i) {
            packed[i] = IdentityHeader.unwrap(_identities[identities[i]].header);
        }
    }

    /// @inheritdoc IIdentity
    function nonceOfSigner(address identity, bytes32 role, address signer) external view returns (uint256 nonce) {
        Identity storage stored = _identities[identity];
        IdentityHeader header = stored.header;
        (bytes32 key, Delegation delegation) = _powerOf(identity, stored, header, role, signer);
        return _currentNonce(header, key, delegation);
    }

    /// @inheritdoc IIdentity
    function controllerOf(address identity) external view returns (address controller) {
        Identity storage stored = _identities[identity];
        return _controllerOf(identity, stored, stored.header);
    }

    /// @inheritdoc IIdentity
    function isDelegate(address identity, bytes32 role, address delegate) external view returns (bool live) {
        IdentityHeader header = _identities[identity].header;
        if (header.isDeactivated()) return false;
        return _delegations[DelegationFields.keyOf(identity, role, delegate)].isLive(header, block.timestamp);
    }

    /// @inheritdoc IIdentity
    function delegateExpiresAt(
        address identity,
        bytes32 role,
        address delegate
    ) external view returns (uint64 expiresAt) {
        Delegation delegation = _delegations[DelegationFields.keyOf(identity, role, delegate)];
        return delegation.exists(_identities[identity].header) ? delegation.expiresAt() : 0;
    }

    /// @inheritdoc IIdentity
    function keyAccount(bytes calldata key) external pure returns (address account) {
        if (key.length <= Signers.VERIFIER_LENGTH || key.length > type(uint16).max) revert InvalidKeyLength(key.length);
        return Signers.keyAccount(key);
    }

    /// @inheritdoc IIdentity
    function method() external view returns (string memory name) {
        return HexAddress.methodOf(_didPrefix, _didPrefixLength);
    }

    function _didOf(address identity) private view returns (string memory did) {
        return HexAddress.toDID(_didPrefix, _didPrefixLength, identity);
    }

    /// @dev An identity that its own key may register, and its header.
    function _registrable(address identity) private view returns (Identity storage stored, IdentityHeader header) {
        stored = _identities[identity];
        header = stored.header;
        if (header.isRegistrable()) return (stored, header);
        _requireActive(identity, header);
        if (!header.isSelfControlled()) revert NotController(identity, identity);
        revert AlreadyRegistered(identity);
    }

    /// @dev An active identity whose named successor is `account`, and its header.
    function _succeeded(
        address identity,
        address account,
        bytes32 salt
    ) private view returns (Identity storage stored, IdentityHeader header) {
        stored = _identities[identity];
        header = stored.header;
        _requireActive(identity, header);
        bytes32 commitment = keccak256(abi.encode(identity, account, salt));
        // The successor of an unguarded identity is zero, which no hash is.
        if (commitment != stored.successor) revert NotSuccessor(identity, account);
    }

    /// @dev Counts one change and stores the header.
    function _recordChange(Identity storage stored, IdentityHeader header) private returns (uint256 version) {
        (stored.header, version) = header.countChange(block.timestamp);
    }

    function _register(
        address identity,
        Identity storage stored,
        IdentityHeader header,
        string calldata did,
        string calldata documentUri,
        bytes32 documentHash
    ) private {
        _requireDID(identity, did);
        _requireUri(documentUri);
        _publish(identity, stored, header, documentUri, documentHash);
    }

    /// @dev Registers by consent, if every condition holds; otherwise it changes nothing.
    function _tryRegister(Registration calldata registration) private returns (bool done) {
        Consent calldata consent = registration.consent;
        string calldata documentUri = registration.documentUri;
        address identity = consent.signer;
        uint256 nonce = consent.nonce;
        Identity storage stored = _identities[identity];
        IdentityHeader header = stored.header;
        if (!header.isRegistrable() || header.isExhausted() || nonce != header.nonce()) return false;
        if (block.timestamp > consent.deadline || !_isUri(documentUri)) return false;
        bytes32 digest = _hashTypedDataV4(
            ConsentHashes.registerDID(
                consent,
                keccak256(bytes(_didOf(identity))),
                documentUri,
                registration.documentHash
            )
        );
        // Nothing is written before the signature is known to be good.
        if (!Signers.isValidSignature(identity, digest, consent.signature, BULK_SIGNATURE_GAS)) return false;
        emit NonceConsumed(identity, identity, nonce);
        _publish(identity, stored, header.countNonce(), documentUri, registration.documentHash);
        return true;
    }

    function _publish(
        address identity,
        Identity storage stored,
        IdentityHeader header,
        string calldata documentUri,
        bytes32 documentHash
    ) private {
        stored.documentUri = documentUri;
        // A slot that was never written is zero already, and stays free.
        if (documentHash != bytes32(0)) stored.documentHash = documentHash;
        uint256 version = _recordChange(stored, header.markRegistered());
        emit DIDRegistered(identity, documentUri, documentHash, version);
    }

    function _updateDocument(
        address identity,
        Identity storage stored,
        IdentityHeader header,
        string calldata documentUri,
        bytes32 documentHash
    ) private {
        _requireUri(documentUri);
        if (stored.documentHash == documentHash && Strings.equal(stored.documentUri, documentUri)) return;
        stored.documentUri = documentUri;
        stored.documentHash = documentHash;
        uint256 version = _recordChange(stored, header.markRegistered());
        emit DocumentUpdated(identity, documentUri, documentHash, version);
    }

    function _changeController(
        address identity,
        Identity storage stored,
        IdentityHeader header,
        address controller,
        address newController
    ) private {
        if (newController == address(0)) revert ZeroAddress();
        if (header.isGuarded()) revert SuccessorRequired(identity);
        if (newController == controller) return;
        emit ControllerChanged(identity, newController, _recordControl(identity, stored, header, newController));
    }

    function _nameSuccessor(
        address identity,
        Identity storage stored,
        IdentityHeader header,
        bytes32 commitment
    ) private {
        if (commitment == bytes32(0)) revert ZeroCommitment();
        if (header.isGuarded()) revert SuccessorAlreadyNamed(identity);
        stored.successor = commitment;
        emit SuccessorNamed(identity, commitment, _recordChange(stored, header.setGuarded(true)));
    }

    function _rotateController(
        address identity,
        Identity storage stored,
        IdentityHeader header,
        address successor,
        bytes32 nextCommitment
    ) private {
        stored.successor = nextCommitment;
        header = header.setGuarded(nextCommitment != bytes32(0));
        uint256 version = _recordControl(identity, stored, header, successor);
        emit ControllerRotated(identity, successor, nextCommitment, version);
    }

    /// @dev Counts one change of control and stores it.
    function _recordControl(
        address identity,
        Identity storage stored,
        IdentityHeader header,
        address controller
    ) private returns (uint256 version) {
        uint256 stage = IdentityHeaderFields.HANDED_OVER;
        uint256 other = uint160(controller);
        if (controller == identity) {
            stage = IdentityHeaderFields.SELF_CONTROLLED;
            other = 0;
        }
        stored.controller = other;
        (stored.header, version) = header.countControlChange(stage, block.timestamp);
    }

    function _addDelegate(
        address identity,
        Identity storage stored,
        IdentityHeader header,
        bytes32 role,
        address delegate,
        uint64 expiresAt
    ) private {
        if (delegate == address(0)) revert ZeroAddress();
        if (expiresAt <= block.timestamp) revert DelegationAlreadyExpired(expiresAt, block.timestamp);
        bytes32 key = DelegationFields.keyOf(identity, role, delegate);
        Delegation delegation = _delegations[key];
        bool live = delegation.isLive(header, block.timestamp);
        if (live && delegation.expiresAt() == expiresAt) return;
        uint256 version = _recordChange(stored, header);
        _delegations[key] = live ? delegation.prolonged(expiresAt) : DelegationFields.granted(expiresAt, version);
        emit DelegateAdded(identity, role, delegate, expiresAt, version);
    }

    function _revokeDelegate(
        address identity,
        Identity storage stored,
        IdentityHeader header,
        bytes32 role,
        address delegate
    ) private {
        bytes32 key = DelegationFields.keyOf(identity, role, delegate);
        if (!_delegations[key].exists(header)) revert DelegateNotFound(identity, role, delegate);
        _delegations[key] = Delegation.wrap(0);
        emit DelegateRevoked(identity, role, delegate, _recordChange(stored, header));
    }

    function _deactivate(address identity, Identity storage stored, IdentityHeader header) private {
        if (header.isGuarded()) revert SuccessorRequired(identity);
        emit DIDDeactivated(identity, _recordChange(stored, header.enter(IdentityHeaderFields.DEACTIVATED)));
    }

    function _cancelNonces(
        address identity,
        Identity storage stored,
        IdentityHeader header,
        bytes32 key,
        Delegation delegation,
        address account,
        uint256 current,
        uint256 nextNonce
    ) private {
        // A nonce of another grant is at least 2^63 away.
        if (nextNonce <= current || nextNonce - current > MAX_CANCELLED) {
            revert NonceMismatch(identity, account, nextNonce, current);
        }
        _storeNonceCount(stored, header, key, delegation, uint64(nextNonce));
        emit NoncesCancelled(identity, account, current, nextNonce);
    }

    /// @dev The hash of the identity's DID, which the text must be.
    function _requireDID(address identity, string calldata did) private view returns (bytes32 didHash) {
        string memory expected = _didOf(identity);
        didHash = keccak256(bytes(expected));
        if (keccak256(bytes(did)) != didHash) revert DIDMismatch(did, expected);
    }

    function _requireUri(string calldata documentUri) private pure {
        if (!_isUri(documentUri)) revert InvalidDocumentUriLength(bytes(documentUri).length, MAX_URI_LENGTH);
    }

    function _isUri(string calldata documentUri) private pure returns (bool) {
        uint256 length = bytes(documentUri).length;
        return length != 0 && length <= MAX_URI_LENGTH;
    }
}
