// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Consent} from "./interfaces/Consent.sol";
import {IIdentity} from "./interfaces/IIdentity.sol";
import {Delegation, DelegationFields} from "./libraries/Delegation.sol";
import {IdentityHeader} from "./libraries/IdentityHeader.sol";
import {Signers} from "./libraries/Signers.sol";

/**
 * @title Identity store
 * @dev What is stored of each identity, who may act for it, and how a consent is consumed.
 *
 * The functions of an identity read its header once, hand it on as a value, and store it once.
 */
abstract contract IdentityStore is IIdentity, EIP712 {
    /// @dev Most identities never pay for controller, successor and hash: a slot that was never written is zero.
    struct Identity {
        IdentityHeader header;
        // Zero while the identity controls itself. A word, because an address would be masked at each read.
        uint256 controller;
        bytes32 successor;
        bytes32 documentHash;
        string documentUri;
    }

    /// @dev The key of no delegation: the power is the controller's own.
    bytes32 internal constant CONTROLLER = 0;

    /// @dev Slot 2, as `headers` promises to those who prove by `eth_getProof`.
    mapping(address identity => Identity stored) internal _identities;

    /// @dev Slot 3, by `DelegationFields.keyOf`.
    mapping(bytes32 key => Delegation delegation) internal _delegations;

    /// @dev Makes sure that the identity may be written to.
    function _requireActive(address identity, IdentityHeader header) internal pure {
        if (header.isDeactivated()) revert IdentityDeactivated(identity);
    }

    function _controllerOf(
        address identity,
        Identity storage stored,
        IdentityHeader header
    ) internal view returns (address controller) {
        // The common case, spared the read of a second slot.
        if (header.isSelfControlled()) return identity;
        controller = address(uint160(stored.controller));
        if (controller == address(0)) controller = identity;
    }

    /// @dev An active identity that `account` controls, and its header.
    function _controlled(
        address identity,
        address account
    ) internal view returns (Identity storage stored, IdentityHeader header) {
        stored = _identities[identity];
        header = stored.header;
        if (account == identity) {
            if (header.isSelfControlled()) return (stored, header);
        }
        _requireActive(identity, header);
        if (account != _controllerOf(identity, stored, header)) revert NotController(identity, account);
    }

    /// @dev An active identity whose controller signed `structHash`, and its header; the consent is consumed.
    function _controlledByConsent(
        address identity,
        bytes32 structHash,
        Consent calldata consent
    ) internal returns (Identity storage stored, IdentityHeader header) {
        (stored, header) = _controlled(identity, consent.signer);
        header = _consumeConsent(identity, stored, header, CONTROLLER, Delegation.wrap(0), structHash, consent);
    }

    /// @dev An active identity for which `account` may act, by being its controller or by holding the role, and its
    /// header.
    function _authorized(
        address identity,
        bytes32 role,
        address account
    ) internal view returns (Identity storage stored, IdentityHeader header) {
        stored = _identities[identity];
        header = stored.header;
        // An identity that acts for itself is the common case: no second read. Nested, for && costs 32 gas more.
        if (account == identity) {
            if (header.isSelfControlled()) return (stored, header);
        }
        _powerOf(identity, stored, header, role, account);
    }

    /// @dev An active identity for which the signer may act, who signed `structHash`, and its header; the consent is
    /// consumed.
    function _authorizedByConsent(
        address identity,
        bytes32 role,
        bytes32 structHash,
        Consent calldata consent
    ) internal returns (Identity storage stored, IdentityHeader header) {
        stored = _identities[identity];
        header = stored.header;
        (bytes32 key, Delegation delegation) = _powerOf(identity, stored, header, role, consent.signer);
        header = _consumeConsent(identity, stored, header, key, delegation, structHash, consent);
    }

    /**
     * @dev By which power an account may act for an active identity.
     * @return key The key of the delegation that gives the power, or `CONTROLLER`
     * @return delegation The delegation, when it is one
     */
    function _powerOf(
        address identity,
        Identity storage stored,
        IdentityHeader header,
        bytes32 role,
        address account
    ) internal view returns (bytes32 key, Delegation delegation) {
        _requireActive(identity, header);
        if (account == _controllerOf(identity, stored, header)) return (CONTROLLER, delegation);
        key = DelegationFields.keyOf(identity, role, account);
        delegation = _delegations[key];
        if (!delegation.isLive(header, block.timestamp)) revert NotAuthorized(identity, role, account);
    }

    /// @dev The nonce that the next consent by a power must carry.
    function _currentNonce(
        IdentityHeader header,
        bytes32 key,
        Delegation delegation
    ) internal pure returns (uint256 nonce) {
        if (key == CONTROLLER) return header.nonce();
        return delegation.nonce();
    }

    /// @dev Stores how many nonces of a power are consumed or cancelled.
    /// @return The header as it is stored now
    function _storeNonceCount(
        Identity storage stored,
        IdentityHeader header,
        bytes32 key,
        Delegation delegation,
        uint256 count
    ) internal returns (IdentityHeader) {
        if (key != CONTROLLER) {
            _delegations[key] = delegation.setNonceCount(count);
            return header;
        }
        header = header.setNonceCount(count);
        stored.header = header;
        return header;
    }

    /**
     * @dev Consumes the nonce of a consent, and then asks whether its signer signed `structHash`. The nonce is stored
     * before a contract is asked, and it is asked by a static call: it can neither find the nonce unconsumed nor change
     * anything.
     * @return The header as it is stored now
     */
    function _consumeConsent(
        address identity,
        Identity storage stored,
        IdentityHeader header,
        bytes32 key,
        Delegation delegation,
        bytes32 structHash,
        Consent calldata consent
    ) internal returns (IdentityHeader) {
        uint256 current;
        if (key == CONTROLLER) {
            current = header.nonce();
            header = header.countNonce();
            stored.header = header;
        } else {
            current = delegation.nonce();
            _delegations[key] = delegation.countNonce();
        }
        _requireCurrent(identity, consent, current);
        _requireSigned(structHash, consent);
        emit NonceConsumed(identity, consent.signer, current);
        return header;
    }

    /// @dev Makes sure that a consent is in time and carries the nonce that counts.
    function _requireCurrent(address identity, Consent calldata consent, uint256 current) internal view {
        if (block.timestamp > consent.deadline) revert SignatureExpired(consent.deadline, block.timestamp);
        if (consent.nonce != current) revert NonceMismatch(identity, consent.signer, consent.nonce, current);
    }

    function _requireSigned(bytes32 structHash, Consent calldata consent) internal view {
        bytes32 digest = _hashTypedDataV4(structHash);
        if (!Signers.isValidSignature(consent.signer, digest, consent.signature, gasleft())) {
            revert InvalidSignature(consent.signer, digest);
        }
    }
}
