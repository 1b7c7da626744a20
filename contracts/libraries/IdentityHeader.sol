// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {IIdentity} from "../interfaces/IIdentity.sol";

/**
 * @dev Everything of an identity that every write touches, in one slot; zero for an identity that was never written.
 * From the least significant bit: stage 2, registered 1, guarded 1, unused 4, version 32, controlVersion 32,
 * nonceCount 32, anchorSequence 32, createdAt 40, updatedAt 40, statusSequence 40.
 *
 * A value type rather than a struct: a struct is copied member by member, which made a revocation 1,300 gas dearer.
 */
type IdentityHeader is uint256;

using IdentityHeaderFields for IdentityHeader global;

/// @title Reading and changing the fields of a header
library IdentityHeaderFields {
    /// @dev The stages, from which follows who controls an identity. Words, because an enumeration would be checked
    /// wherever it enters a header, for 25 gas.
    uint256 internal constant SELF_CONTROLLED = 0;
    /// @dev The controller was changed, and is read from its own slot.
    uint256 internal constant HANDED_OVER = 1;
    /// @dev Never left.
    uint256 internal constant DEACTIVATED = 2;

    uint256 private constant STAGE_MASK = 3;
    uint256 private constant REGISTERED = 1 << 2;
    uint256 private constant GUARDED = 1 << 3;
    uint256 private constant VERSION = 8;
    uint256 private constant CONTROL_VERSION = 40;
    uint256 private constant NONCE_COUNT = 72;
    uint256 private constant ANCHOR_SEQUENCE = 104;
    uint256 private constant CREATED_AT = 136;
    uint256 private constant UPDATED_AT = 176;
    uint256 private constant STATUS_SEQUENCE = 216;

    uint256 private constant CONTROL_VERSION_MASK = uint256(type(uint32).max) << CONTROL_VERSION;
    uint256 private constant NONCE_COUNT_MASK = uint256(type(uint32).max) << NONCE_COUNT;
    uint256 private constant UPDATED_AT_MASK = uint256(type(uint40).max) << UPDATED_AT;

    uint256 private constant MAX_COUNT = type(uint32).max;

    function isSelfControlled(IdentityHeader header) internal pure returns (bool) {
        return IdentityHeader.unwrap(header) & STAGE_MASK == SELF_CONTROLLED;
    }

    function isDeactivated(IdentityHeader header) internal pure returns (bool) {
        return IdentityHeader.unwrap(header) & STAGE_MASK == DEACTIVATED;
    }

    /// @dev Whether a document's URI is on chain.
    function isRegistered(IdentityHeader header) internal pure returns (bool) {
        return IdentityHeader.unwrap(header) & REGISTERED != 0;
    }

    /// @dev Whether the identity's own key may register it: active, self-controlled and not registered.
    function isRegistrable(IdentityHeader header) internal pure returns (bool) {
        return IdentityHeader.unwrap(header) & (STAGE_MASK | REGISTERED) == SELF_CONTROLLED;
    }

    /// @dev Whether a successor is named.
    function isGuarded(IdentityHeader header) internal pure returns (bool) {
        return IdentityHeader.unwrap(header) & GUARDED != 0;
    }

    /// @dev Whether a registration by consent has no version or no nonce left.
    function isExhausted(IdentityHeader header) internal pure returns (bool) {
        return version(header) == MAX_COUNT || nonceCount(header) == MAX_COUNT;
    }

    function version(IdentityHeader header) internal pure returns (uint256) {
        return uint32(IdentityHeader.unwrap(header) >> VERSION);
    }

    function controlVersion(IdentityHeader header) internal pure returns (uint256) {
        return uint32(IdentityHeader.unwrap(header) >> CONTROL_VERSION);
    }

    function nonceCount(IdentityHeader header) internal pure returns (uint256) {
        return uint32(IdentityHeader.unwrap(header) >> NONCE_COUNT);
    }

    function anchorSequence(IdentityHeader header) internal pure returns (uint256) {
        return uint32(IdentityHeader.unwrap(header) >> ANCHOR_SEQUENCE);
    }

    function createdAt(IdentityHeader header) internal pure returns (uint256) {
        return uint40(IdentityHeader.unwrap(header) >> CREATED_AT);
    }

    function updatedAt(IdentityHeader header) internal pure returns (uint256) {
        return uint40(IdentityHeader.unwrap(header) >> UPDATED_AT);
    }

    function statusSequence(IdentityHeader header) internal pure returns (uint256) {
        return IdentityHeader.unwrap(header) >> STATUS_SEQUENCE;
    }

    /// @dev The nonce of the controller's next consent: `controlVersion << 64 | nonceCount`.
    function nonce(IdentityHeader header) internal pure returns (uint256) {
        return (controlVersion(header) << 64) | nonceCount(header);
    }

    /// @dev Moves to another stage.
    function enter(IdentityHeader header, uint256 stage) internal pure returns (IdentityHeader) {
        return IdentityHeader.wrap((IdentityHeader.unwrap(header) & ~STAGE_MASK) | stage);
    }

    function markRegistered(IdentityHeader header) internal pure returns (IdentityHeader) {
        return IdentityHeader.wrap(IdentityHeader.unwrap(header) | REGISTERED);
    }

    function setGuarded(IdentityHeader header, bool guarded) internal pure returns (IdentityHeader) {
        uint256 cleared = IdentityHeader.unwrap(header) & ~GUARDED;
        return IdentityHeader.wrap(guarded ? cleared | GUARDED : cleared);
    }

    /// @dev Counts one event of the identity and records its time; the first is the time of creation too.
    /// @return changed The header afterwards
    /// @return count The version, this event included
    function countChange(
        IdentityHeader header,
        uint256 time
    ) internal pure returns (IdentityHeader changed, uint256 count) {
        count = version(header);
        if (count == MAX_COUNT) revert IIdentity.CounterExhausted();
        time = uint40(time);
        uint256 bits = (IdentityHeader.unwrap(header) & ~UPDATED_AT_MASK) | (time << UPDATED_AT);
        if (count == 0) bits |= time << CREATED_AT;
        unchecked {
            return (IdentityHeader.wrap(bits + (1 << VERSION)), count + 1);
        }
    }

    /// @dev Counts one change of control, to another stage, and begins to count nonces anew: they carry the version of
    /// this change, and whoever had control before cannot leave the count near its end. Returns as `countChange` does.
    function countControlChange(
        IdentityHeader header,
        uint256 stage,
        uint256 time
    ) internal pure returns (IdentityHeader changed, uint256 count) {
        (changed, count) = countChange(header, time);
        uint256 bits = IdentityHeader.unwrap(changed) & ~(STAGE_MASK | CONTROL_VERSION_MASK | NONCE_COUNT_MASK);
        changed = IdentityHeader.wrap(bits | (count << CONTROL_VERSION) | stage);
    }

    function countNonce(IdentityHeader header) internal pure returns (IdentityHeader) {
        if (nonceCount(header) == MAX_COUNT) revert IIdentity.CounterExhausted();
        unchecked {
            return IdentityHeader.wrap(IdentityHeader.unwrap(header) + (1 << NONCE_COUNT));
        }
    }

    function setNonceCount(IdentityHeader header, uint256 count) internal pure returns (IdentityHeader) {
        if (count > MAX_COUNT) revert IIdentity.CounterExhausted();
        uint256 bits = IdentityHeader.unwrap(header) & ~NONCE_COUNT_MASK;
        return IdentityHeader.wrap(bits | (count << NONCE_COUNT));
    }

    function countAnchor(IdentityHeader header) internal pure returns (IdentityHeader) {
        if (anchorSequence(header) == MAX_COUNT) revert IIdentity.CounterExhausted();
        unchecked {
            return IdentityHeader.wrap(IdentityHeader.unwrap(header) + (1 << ANCHOR_SEQUENCE));
        }
    }

    function countStatusEvent(IdentityHeader header) internal pure returns (IdentityHeader) {
        unchecked {
            // The highest field: what overflows is the whole slot.
            uint256 bits = IdentityHeader.unwrap(header) + (1 << STATUS_SEQUENCE);
            if (bits < 1 << STATUS_SEQUENCE) revert IIdentity.CounterExhausted();
            return IdentityHeader.wrap(bits);
        }
    }
}
