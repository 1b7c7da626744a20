// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {StorageSlot} from "@openzeppelin/contracts/utils/StorageSlot.sol";
import {ICredentialStatus} from "../interfaces/ICredentialStatus.sol";

/**
 * @title Status slots
 * @notice Where the bit of a credential is. An issuer has 2^88 words of each purpose, one after the other in storage;
 * that another issuer's or purpose's words begin among them takes 2^168 tries to find.
 */
library StatusSlots {
    uint256 internal constant WORD_COUNT = 1 << 88;

    uint256 private constant FIRST_BIT = 1 << 255;

    /// @dev One issuer's words of one purpose: the first, which the others follow in storage. An array of 2^88 words
    /// would lie in the same slots, but the compiler warns wherever such an array is named.
    struct List {
        uint256 firstWord;
    }

    /// @dev The key of a list: issuer (20 bytes) and purpose (1 byte).
    function listKey(address issuer, uint256 purpose) internal pure returns (uint256) {
        return (uint256(uint160(issuer)) << 8) | purpose;
    }

    function issuerOf(bytes32 credId) internal pure returns (address) {
        return address(bytes20(credId));
    }

    /// @dev The word of a credential's index, the low 96 bits of its id.
    function wordOf(bytes32 credId) internal pure returns (uint256) {
        return uint88(uint256(credId) >> 8);
    }

    /// @dev The bit of a credential in its word: index 0 is the most significant.
    function maskOf(bytes32 credId) internal pure returns (uint256) {
        return FIRST_BIT >> uint8(uint256(credId));
    }

    /// @dev Word `word` of a list; whoever asks makes sure that it is below `WORD_COUNT`.
    function at(List storage list, uint256 word) internal pure returns (StorageSlot.Uint256Slot storage slot) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            slot.slot := add(list.slot, word)
        }
    }

    /**
     * @dev Merges masks into consecutive words. The caller makes sure that they are in range.
     *
     * By assembly: in Solidity, even without checks of overflow, a word costs 129 gas more, which is 66,000 for 131,072
     * credentials.
     * @param on Whether the bits of the masks are set, or cleared
     * @return changed Whether any word is another than before
     */
    function mergeConsecutive(
        List storage list,
        uint256 firstWord,
        uint256[] calldata masks,
        bool on
    ) internal returns (bool changed) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            // None or all of the bits of a mask are cleared after they were set.
            let off := sub(iszero(iszero(on)), 1)
            let slot := add(list.slot, firstWord)
            let end := add(masks.offset, shl(5, masks.length))
            for {
                let next := masks.offset
            } lt(next, end) {
                next := add(next, 32)
            } {
                let mask := calldataload(next)
                let before := sload(slot)
                let bits := xor(or(before, mask), and(mask, off))
                if xor(bits, before) {
                    sstore(slot, bits)
                    changed := 1
                }
                slot := add(slot, 1)
            }
        }
    }

    /**
     * @dev Merges masks into words anywhere, each below `WORD_COUNT`; there are as many words as masks. By assembly as
     * in `mergeConsecutive`: it saves 199 gas a word.
     */
    function mergeScattered(
        List storage list,
        uint256[] calldata words,
        uint256[] calldata masks,
        bool on
    ) internal returns (bool changed) {
        uint256 all = 0;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let off := sub(iszero(iszero(on)), 1)
            let end := shl(5, words.length)
            for {
                let next := 0
            } lt(next, end) {
                next := add(next, 32)
            } {
                let word := calldataload(add(words.offset, next))
                all := or(all, word)
                let mask := calldataload(add(masks.offset, next))
                let slot := add(list.slot, word)
                let before := sload(slot)
                let bits := xor(or(before, mask), and(mask, off))
                if xor(bits, before) {
                    sstore(slot, bits)
                    changed := 1
                }
            }
        }
        // Once for all of them; what was written out of range is undone.
        if (all >= WORD_COUNT) {
            for (uint256 i = 0; i < words.length; ++i) requireInRange(words[i], 1);
        }
    }

    /// @dev Makes sure that `count` words from `firstWord` on are in range.
    function requireInRange(uint256 firstWord, uint256 count) internal pure {
        // Written so that no sum can overflow.
        if (firstWord >= WORD_COUNT) revert ICredentialStatus.WordOutOfRange(firstWord);
        if (count > WORD_COUNT - firstWord) revert ICredentialStatus.WordOutOfRange(WORD_COUNT);
    }
}
