// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {IDIDRegistry} from "./interfaces/IDIDRegistry.sol";

/// @dev What can be done with an identity follows from its stage. `Deactivated` is never left.
enum Stage {
    Unregistered,
    // The identity is its own controller.
    SelfControlled,
    // The controller was changed, and is read from its own slot.
    HandedOver,
    Deactivated
}

/**
 * @dev Everything of an identity that every write touches, in one slot. From the least significant bit:
 * stage 8, version 24, nonce 32, createdBlock 40, createdAt 40, updatedBlock 40, updatedAt 40, statusSequence 32.
 *
 * A value type rather than a struct: a struct is copied member by member, which made a revocation 1,300 gas dearer.
 */
type Header is uint256;

using HeaderFields for Header global;

/// @title Reading and changing the fields of a header.
library HeaderFields {
    uint256 private constant VERSION = 8;
    uint256 private constant NONCE = 32;
    uint256 private constant CREATED_BLOCK = 64;
    uint256 private constant CREATED_AT = 104;
    uint256 private constant UPDATED_BLOCK = 144;
    uint256 private constant UPDATED_AT = 184;
    uint256 private constant STATUS_SEQUENCE = 224;

    uint256 private constant UPDATED_MASK = uint256(type(uint80).max) << UPDATED_BLOCK;

    function isIn(Header header, Stage stage) internal pure returns (bool) {
        return uint8(Header.unwrap(header)) == uint8(stage);
    }

    function version(Header header) internal pure returns (uint256) {
        return uint24(Header.unwrap(header) >> VERSION);
    }

    function statusSequence(Header header) internal pure returns (uint256) {
        return Header.unwrap(header) >> STATUS_SEQUENCE;
    }

    function nonce(Header header) internal pure returns (uint256) {
        return uint32(Header.unwrap(header) >> NONCE);
    }

    function createdBlock(Header header) internal pure returns (uint256) {
        return uint40(Header.unwrap(header) >> CREATED_BLOCK);
    }

    function createdAt(Header header) internal pure returns (uint256) {
        return uint40(Header.unwrap(header) >> CREATED_AT);
    }

    function updatedBlock(Header header) internal pure returns (uint256) {
        return uint40(Header.unwrap(header) >> UPDATED_BLOCK);
    }

    function updatedAt(Header header) internal pure returns (uint256) {
        return uint40(Header.unwrap(header) >> UPDATED_AT);
    }

    function equals(Header left, Header right) internal pure returns (bool) {
        return Header.unwrap(left) == Header.unwrap(right);
    }

    /// @dev Moves to another stage.
    function enter(Header header, Stage next) internal pure returns (Header) {
        return Header.wrap((Header.unwrap(header) & ~uint256(0xff)) | uint256(next));
    }

    /// @dev Notes the registration. Happens once, while both fields are zero.
    function stampCreation(Header header, uint256 blockNumber, uint256 time) internal pure returns (Header) {
        return
            Header.wrap(
                Header.unwrap(header) |
                    (uint256(uint40(blockNumber)) << CREATED_BLOCK) |
                    (uint256(uint40(time)) << CREATED_AT)
            );
    }

    /// @dev Counts one change and notes when it was. A counter must not run into the field beside it.
    function countChange(Header header, uint256 blockNumber, uint256 time) internal pure returns (Header) {
        if (version(header) == type(uint24).max) revert IDIDRegistry.CounterExhausted();
        return
            Header.wrap(
                ((Header.unwrap(header) & ~UPDATED_MASK) + (1 << VERSION)) |
                    (uint256(uint40(blockNumber)) << UPDATED_BLOCK) |
                    (uint256(uint40(time)) << UPDATED_AT)
            );
    }

    function countStatusEvent(Header header) internal pure returns (Header) {
        // The highest field: there is none to run into, and the compiler's own check catches the overflow.
        return Header.wrap(Header.unwrap(header) + (1 << STATUS_SEQUENCE));
    }

    function countNonce(Header header) internal pure returns (Header) {
        if (nonce(header) == type(uint32).max) revert IDIDRegistry.CounterExhausted();
        return Header.wrap(Header.unwrap(header) + (1 << NONCE));
    }
}
