// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {ShortString, ShortStrings} from "@openzeppelin/contracts/utils/ShortStrings.sol";
import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";
import {CredentialStatus} from "./CredentialStatus.sol";
import {Header, Stage} from "./Header.sol";
import {IDIDRegistry} from "./interfaces/IDIDRegistry.sol";

/**
 * @title DID registry
 * @dev The life cycle of identities. A `...For` function differs from its twin in one thing: where the authority comes
 * from.
 */
contract DIDRegistry is CredentialStatus {
    using ShortStrings for ShortString;

    uint256 private constant MAX_URI_LENGTH = 2048;
    uint256 private constant MAX_METHOD_LENGTH = 31;

    bytes32 private constant REGISTER_TYPEHASH = keccak256(
        "RegisterDID(address identity,string did,string documentUri,bytes32 documentHash,"
        "uint256 nonce,uint256 deadline)"
    );
    bytes32 private constant UPDATE_TYPEHASH = keccak256(
        "UpdateDocument(address identity,string documentUri,bytes32 documentHash,uint256 nonce,uint256 deadline)"
    );
    bytes32 private constant CHANGE_CONTROLLER_TYPEHASH = keccak256(
        "ChangeController(address identity,address newController,uint256 nonce,uint256 deadline)"
    );
    bytes32 private constant ADD_DELEGATE_TYPEHASH = keccak256(
        "AddDelegate(address identity,bytes32 role,address delegate,uint64 expiresAt,uint256 nonce,uint256 deadline)"
    );
    bytes32 private constant REVOKE_DELEGATE_TYPEHASH = keccak256(
        "RevokeDelegate(address identity,bytes32 role,address delegate,uint256 nonce,uint256 deadline)"
    );
    bytes32 private constant DEACTIVATE_TYPEHASH = keccak256(
        "DeactivateDID(address identity,uint256 nonce,uint256 deadline)"
    );
    bytes32 private constant BURN_NONCE_TYPEHASH = keccak256(
        "BurnNonce(address identity,uint256 nonce,uint256 deadline)"
    );

    ShortString private immutable _method;

    /// @param didMethod The name between `did:` and `:0x...`, 1 to 31 lower-case letters or digits
    constructor(string memory didMethod) EIP712("Cairn DIDRegistry", "1") {
        bytes memory name = bytes(didMethod);
        bool valid = name.length > 0 && name.length <= MAX_METHOD_LENGTH;
        for (uint256 i = 0; valid && i < name.length; ++i) {
            bytes1 char = name[i];
            valid = (char >= "a" && char <= "z") || (char >= "0" && char <= "9");
        }
        if (!valid) revert InvalidMethod(didMethod);
        _method = ShortStrings.toShortString(didMethod);
    }

    /// @inheritdoc IDIDRegistry
    function registerDID(string calldata did, string calldata documentUri) external {
        _register(msg.sender, _unregisteredHeader(msg.sender), did, documentUri, bytes32(0));
    }

    /// @inheritdoc IDIDRegistry
    function registerDID(string calldata did, string calldata documentUri, bytes32 documentHash) external {
        _register(msg.sender, _unregisteredHeader(msg.sender), did, documentUri, documentHash);
    }

    /// @inheritdoc IDIDRegistry
    function registerDIDFor(
        string calldata did,
        string calldata documentUri,
        bytes32 documentHash,
        Consent calldata consent
    ) external {
        address identity = consent.signer;
        Header header = _unregisteredHeader(identity);
        bytes32 structHash = keccak256(
            abi.encode(
                REGISTER_TYPEHASH,
                identity,
                keccak256(bytes(did)),
                keccak256(bytes(documentUri)),
                documentHash,
                consent.nonce,
                consent.deadline
            )
        );
        header = _consumeConsent(identity, header, structHash, consent);
        _register(identity, header, did, documentUri, documentHash);
    }

    /// @inheritdoc IDIDRegistry
    function updateDocument(address identity, string calldata documentUri, bytes32 documentHash) external {
        Header header = _controlledHeader(identity, msg.sender);
        _updateDocument(identity, header, documentUri, documentHash);
    }

    /// @inheritdoc IDIDRegistry
    function updateDocumentFor(
        address identity,
        string calldata documentUri,
        bytes32 documentHash,
        Consent calldata consent
    ) external {
        bytes32 structHash = keccak256(
            abi.encode(
                UPDATE_TYPEHASH,
                identity,
                keccak256(bytes(documentUri)),
                documentHash,
                consent.nonce,
                consent.deadline
            )
        );
        Header header = _consentedHeader(identity, structHash, consent);
        _updateDocument(identity, header, documentUri, documentHash);
    }

    /// @inheritdoc IDIDRegistry
    function changeController(address identity, address newController) external {
        _changeController(identity, _controlledHeader(identity, msg.sender), newController);
    }

    /// @inheritdoc IDIDRegistry
    function changeControllerFor(address identity, address newController, Consent calldata consent) external {
        bytes32 structHash = keccak256(
            abi.encode(CHANGE_CONTROLLER_TYPEHASH, identity, newController, consent.nonce, consent.deadline)
        );
        Header header = _consentedHeader(identity, structHash, consent);
        _changeController(identity, header, newController);
    }

    /// @inheritdoc IDIDRegistry
    function addDelegate(address identity, bytes32 role, address delegate, uint64 expiresAt) external {
        _addDelegate(identity, _controlledHeader(identity, msg.sender), role, delegate, expiresAt);
    }

    /// @inheritdoc IDIDRegistry
    function addDelegateFor(
        address identity,
        bytes32 role,
        address delegate,
        uint64 expiresAt,
        Consent calldata consent
    ) external {
        bytes32 structHash = keccak256(
            abi.encode(ADD_DELEGATE_TYPEHASH, identity, role, delegate, expiresAt, consent.nonce, consent.deadline)
        );
        Header header = _consentedHeader(identity, structHash, consent);
        _addDelegate(identity, header, role, delegate, expiresAt);
    }

    /// @inheritdoc IDIDRegistry
    function revokeDelegate(address identity, bytes32 role, address delegate) external {
        _revokeDelegate(identity, _controlledHeader(identity, msg.sender), role, delegate);
    }

    /// @inheritdoc IDIDRegistry
    function revokeDelegateFor(address identity, bytes32 role, address delegate, Consent calldata consent) external {
        bytes32 structHash = keccak256(
            abi.encode(REVOKE_DELEGATE_TYPEHASH, identity, role, delegate, consent.nonce, consent.deadline)
        );
        Header header = _consentedHeader(identity, structHash, consent);
        _revokeDelegate(identity, header, role, delegate);
    }

    /// @inheritdoc IDIDRegistry
    function deactivateDID(address identity) external {
        _deactivate(identity, _controlledHeader(identity, msg.sender));
    }

    /// @inheritdoc IDIDRegistry
    function deactivateDIDFor(address identity, Consent calldata consent) external {
        bytes32 structHash = keccak256(abi.encode(DEACTIVATE_TYPEHASH, identity, consent.nonce, consent.deadline));
        _deactivate(identity, _consentedHeader(identity, structHash, consent));
    }

    /// @inheritdoc IDIDRegistry
    function burnNonce(address identity, uint256 nonce) external {
        _consumeNonce(identity, _burnableHeader(identity, msg.sender), msg.sender, nonce);
    }

    /// @inheritdoc IDIDRegistry
    function burnNonceFor(address identity, Consent calldata consent) external {
        bytes32 structHash = keccak256(abi.encode(BURN_NONCE_TYPEHASH, identity, consent.nonce, consent.deadline));
        _consumeConsent(identity, _burnableHeader(identity, consent.signer), structHash, consent);
    }

    /// @inheritdoc IDIDRegistry
    function resolveDID(address identity) external view returns (DIDRecord memory record) {
        Identity storage stored = _identities[identity];
        Header header = stored.header;
        record.nonce = header.nonce();
        if (header.isIn(Stage.Unregistered)) return record;
        record.did = _didOf(identity);
        record.documentUri = stored.documentUri;
        record.documentHash = stored.documentHash;
        record.controller = _controllerOf(identity, header);
        record.version = header.version();
        record.statusSequence = header.statusSequence();
        record.createdBlock = header.createdBlock();
        record.createdAt = header.createdAt();
        record.updatedBlock = header.updatedBlock();
        record.updatedAt = header.updatedAt();
        record.active = !header.isIn(Stage.Deactivated);
    }

    /// @inheritdoc IDIDRegistry
    function method() public view returns (string memory name) {
        return _method.toString();
    }

    function _didOf(address identity) private view returns (string memory did) {
        return string.concat("did:", method(), ":", Strings.toHexString(identity));
    }

    function _unregisteredHeader(address identity) private view returns (Header header) {
        header = _identities[identity].header;
        if (!header.isIn(Stage.Unregistered)) revert AlreadyRegistered(identity);
    }

    /// @dev The header of an active identity that `account` controls.
    function _controlledHeader(address identity, address account) private view returns (Header header) {
        header = _activeHeader(identity);
        if (account != _controllerOf(identity, header)) revert NotController(identity, account);
    }

    /// @dev The header of an active identity whose controller signed `structHash`; the consent is consumed.
    function _consentedHeader(
        address identity,
        bytes32 structHash,
        Consent calldata consent
    ) private returns (Header header) {
        return _consumeConsent(identity, _controlledHeader(identity, consent.signer), structHash, consent);
    }

    /// @dev The header of an identity whose nonce `account` may burn. One that is not registered yet can have signed
    /// its registration, and must be able to take that back.
    function _burnableHeader(address identity, address account) private view returns (Header header) {
        header = _identities[identity].header;
        if (!header.isIn(Stage.Unregistered)) return _controlledHeader(identity, account);
        if (account != identity) revert NotController(identity, account);
    }

    function _register(
        address identity,
        Header header,
        string calldata did,
        string calldata documentUri,
        bytes32 documentHash
    ) private {
        _requireDID(identity, did);
        _requireUri(documentUri);
        _identities[identity].documentUri = documentUri;
        // A slot that was never written is zero already, and stays free.
        if (documentHash != bytes32(0)) _identities[identity].documentHash = documentHash;
        header = header.enter(Stage.SelfControlled).stampCreation(block.number, block.timestamp);
        uint256 version = _recordChange(identity, header);
        emit DIDRegistered(identity, identity, did, documentUri, documentHash, version);
    }

    function _updateDocument(
        address identity,
        Header header,
        string calldata documentUri,
        bytes32 documentHash
    ) private {
        _requireUri(documentUri);
        Identity storage stored = _identities[identity];
        if (stored.documentHash == documentHash && Strings.equal(stored.documentUri, documentUri)) return;
        stored.documentUri = documentUri;
        stored.documentHash = documentHash;
        emit DocumentUpdated(identity, documentUri, documentHash, _recordChange(identity, header));
    }

    function _changeController(address identity, Header header, address newController) private {
        if (newController == address(0)) revert ZeroAddress();
        address previous = _controllerOf(identity, header);
        if (newController == previous) return;
        bool selfControlled = newController == identity;
        header = header.enter(selfControlled ? Stage.SelfControlled : Stage.HandedOver);
        _identities[identity].controller = selfControlled ? address(0) : newController;
        emit ControllerChanged(identity, previous, newController, _recordChange(identity, header));
    }

    function _addDelegate(address identity, Header header, bytes32 role, address delegate, uint64 expiresAt) private {
        if (delegate == address(0)) revert ZeroAddress();
        if (expiresAt <= block.timestamp) revert DelegationAlreadyExpired(expiresAt, block.timestamp);
        if (_delegations[identity][role][delegate] == expiresAt) return;
        _delegations[identity][role][delegate] = expiresAt;
        emit DelegateAdded(identity, role, delegate, expiresAt, _recordChange(identity, header));
    }

    function _revokeDelegate(address identity, Header header, bytes32 role, address delegate) private {
        if (_delegations[identity][role][delegate] == 0) revert DelegateNotFound(identity, role, delegate);
        delete _delegations[identity][role][delegate];
        emit DelegateRevoked(identity, role, delegate, _recordChange(identity, header));
    }

    function _deactivate(address identity, Header header) private {
        emit DIDDeactivated(identity, _recordChange(identity, header.enter(Stage.Deactivated)));
    }

    function _requireDID(address identity, string calldata did) private view {
        string memory expected = _didOf(identity);
        if (!Strings.equal(did, expected)) revert DIDMismatch(did, expected);
    }

    function _requireUri(string calldata documentUri) private pure {
        uint256 length = bytes(documentUri).length;
        if (length == 0 || length > MAX_URI_LENGTH) revert InvalidDocumentUriLength(length, MAX_URI_LENGTH);
    }
}
