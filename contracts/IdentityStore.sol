// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {Header, Stage} from "./Header.sol";
import {IDIDRegistry} from "./interfaces/IDIDRegistry.sol";

/**
 * @title Identity store
 * @dev What is stored of each identity, who may act for it, and how a signature is consumed.
 */
abstract contract IdentityStore is IDIDRegistry, EIP712 {
    /// @dev The controller has a slot of its own, which is zero while the identity controls itself: most identities
    /// never pay for it, and the header has room for the times instead.
    struct Identity {
        Header header;
        address controller;
        bytes32 documentHash;
        string documentUri;
    }

    mapping(address identity => Identity stored) internal _identities;

    mapping(address identity => mapping(bytes32 role => mapping(address delegate => uint64 expiresAt)))
        internal _delegations;

    /// @inheritdoc IDIDRegistry
    function controllerOf(address identity) external view returns (address controller) {
        Header header = _identities[identity].header;
        return header.isIn(Stage.Unregistered) ? address(0) : _controllerOf(identity, header);
    }

    /// @inheritdoc IDIDRegistry
    function nonceOf(address identity) external view returns (uint256 nonce) {
        return _identities[identity].header.nonce();
    }

    /// @inheritdoc IDIDRegistry
    function delegateExpiresAt(
        address identity,
        bytes32 role,
        address delegate
    ) external view returns (uint64 expiresAt) {
        return _delegations[identity][role][delegate];
    }

    /// @inheritdoc IDIDRegistry
    function isDelegate(address identity, bytes32 role, address delegate) external view returns (bool live) {
        Header header = _identities[identity].header;
        bool active = header.isIn(Stage.SelfControlled) || header.isIn(Stage.HandedOver);
        return active && _isLive(identity, role, delegate);
    }

    /// @dev The header of an identity that may be written to.
    function _activeHeader(address identity) internal view returns (Header header) {
        header = _identities[identity].header;
        _requireActive(identity, header);
    }

    function _requireActive(address identity, Header header) internal pure {
        if (header.isIn(Stage.Unregistered)) revert NotRegistered(identity);
        if (header.isIn(Stage.Deactivated)) revert IdentityDeactivated(identity);
    }

    /// @dev The controller of a registered identity.
    function _controllerOf(address identity, Header header) internal view returns (address controller) {
        // A self-controlled identity is the common case, and this spares it the read of a second slot.
        if (header.isIn(Stage.SelfControlled)) return identity;
        controller = _identities[identity].controller;
        if (controller == address(0)) controller = identity;
    }

    /// @dev Whether a delegation is there and has not ended; whoever asks makes sure that the identity is active.
    function _isLive(address identity, bytes32 role, address delegate) internal view returns (bool live) {
        return block.timestamp < _delegations[identity][role][delegate];
    }

    /// @dev Counts one change of the identity and stores the header.
    function _recordChange(address identity, Header header) internal returns (uint256 version) {
        header = header.countChange(block.number, block.timestamp);
        _identities[identity].header = header;
        return header.version();
    }

    /**
     * @dev Consumes the nonce of a consent, and then asks whether its signer signed `structHash`. The nonce is stored
     * before a contract wallet is asked, and the wallet is asked by a static call: it can neither find the nonce
     * unconsumed nor change anything.
     * @return The header as it is stored now
     */
    function _consumeConsent(
        address identity,
        Header header,
        bytes32 structHash,
        Consent calldata consent
    ) internal returns (Header) {
        if (block.timestamp > consent.deadline) revert SignatureExpired(consent.deadline, block.timestamp);
        header = _consumeNonce(identity, header, consent.signer, consent.nonce);
        bytes32 digest = _hashTypedDataV4(structHash);
        if (!SignatureChecker.isValidSignatureNowCalldata(consent.signer, digest, consent.signature)) {
            revert InvalidSignature(consent.signer, digest);
        }
        return header;
    }

    /// @dev Consumes a nonce of the identity, and stores that. Returns the header as it is stored now.
    function _consumeNonce(address identity, Header header, address signer, uint256 nonce) internal returns (Header) {
        uint256 current = header.nonce();
        if (nonce < current) revert NonceAlreadyConsumed(identity, nonce, current);
        if (nonce > current) revert NonceTooHigh(identity, nonce, current);
        header = header.countNonce();
        _identities[identity].header = header;
        emit NonceConsumed(identity, signer, nonce);
        return header;
    }
}
