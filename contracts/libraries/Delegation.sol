// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {IIdentity} from "../interfaces/IIdentity.sol";
import {IdentityHeader} from "./IdentityHeader.sol";

/**
 * @dev What one account holds of one role of an identity, in one slot; zero when it never held it or it was revoked.
 * From the least significant bit: expiresAt 64, grantVersion 32 (the identity's version that granted the role),
 * nonceCount 32 (the nonces that the delegate consumed since then).
 */
type Delegation is uint256;

using DelegationFields for Delegation global;

/// @title Reading and changing the fields of a delegation
library DelegationFields {
    uint256 private constant GRANT_VERSION = 64;
    uint256 private constant NONCE_COUNT = 96;

    uint256 private constant MAX_COUNT = type(uint32).max;

    /// @dev Where the delegations of a registry are kept: the key of one.
    function keyOf(address identity, bytes32 role, address delegate) internal pure returns (bytes32) {
        return keccak256(abi.encode(identity, role, delegate));
    }

    /// @dev A role granted anew.
    function granted(uint64 end, uint256 version) internal pure returns (Delegation) {
        return Delegation.wrap((version << GRANT_VERSION) | end);
    }

    function expiresAt(Delegation delegation) internal pure returns (uint64) {
        return uint64(Delegation.unwrap(delegation));
    }

    /// @dev The nonce of the delegate's next consent: `grantVersion << 64 | nonceCount`.
    function nonce(Delegation delegation) internal pure returns (uint256) {
        uint256 bits = Delegation.unwrap(delegation);
        return (uint256(uint32(bits >> GRANT_VERSION)) << 64) | (bits >> NONCE_COUNT);
    }

    /// @dev Whether the delegation exists for the identity's controller of now: a change of control ends those before.
    function exists(Delegation delegation, IdentityHeader header) internal pure returns (bool) {
        return uint32(Delegation.unwrap(delegation) >> GRANT_VERSION) > header.controlVersion();
    }

    /// @dev Whether the role is held at a time; whoever asks makes sure that the identity is active.
    function isLive(Delegation delegation, IdentityHeader header, uint256 time) internal pure returns (bool) {
        return time < delegation.expiresAt() && delegation.exists(header);
    }

    /// @dev The same grant with another end.
    function prolonged(Delegation delegation, uint64 end) internal pure returns (Delegation) {
        return Delegation.wrap((Delegation.unwrap(delegation) & ~uint256(type(uint64).max)) | end);
    }

    function countNonce(Delegation delegation) internal pure returns (Delegation) {
        uint256 bits = Delegation.unwrap(delegation);
        if (bits >> NONCE_COUNT == MAX_COUNT) revert IIdentity.CounterExhausted();
        unchecked {
            return Delegation.wrap(bits + (1 << NONCE_COUNT));
        }
    }

    function setNonceCount(Delegation delegation, uint256 count) internal pure returns (Delegation) {
        if (count > MAX_COUNT) revert IIdentity.CounterExhausted();
        uint256 bits = Delegation.unwrap(delegation) & ~(MAX_COUNT << NONCE_COUNT);
        return Delegation.wrap(bits | (count << NONCE_COUNT));
    }
}
