// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Bytes} from "@openzeppelin/contracts/utils/Bytes.sol";

/// @title The text of an address, and the DID that ends with it
library HexAddress {
    /// @dev Up to this length, `did:<method>:0x` fits a word.
    uint256 internal constant MAX_METHOD_LENGTH = 25;

    /// @dev `did:<method>:0x`, left-aligned, and its length. The method has at most `MAX_METHOD_LENGTH` characters.
    function prefixOf(string memory method) internal pure returns (bytes32 prefix, uint256 length) {
        bytes memory text = bytes(string.concat("did:", method, ":0x"));
        return (bytes32(text), text.length);
    }

    /// @dev The method between `did:` and `:0x`.
    function methodOf(bytes32 prefix, uint256 length) internal pure returns (string memory) {
        return string(Bytes.slice(abi.encodePacked(prefix), 4, length - 3));
    }

    /**
     * @dev The DID of an address.
     * @param prefix What precedes the 40 digits, left-aligned
     * @param length How many bytes of it count
     */
    function toDID(bytes32 prefix, uint256 length, address account) internal pure returns (string memory did) {
        uint160 value = uint160(account);
        bytes32 first = _digits(uint128(value >> 32));
        bytes32 last = _digits(uint128(value));
        unchecked {
            did = new string(length + 40);
        }
        // Three stores that overlap. By concatenation in Solidity, a registration costs 457 gas more.
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let text := add(did, 32)
            mstore(text, prefix)
            mstore(add(text, length), first)
            // The digits of the low 128 bits end the text, so that nothing is written beyond it.
            mstore(add(text, add(length, 8)), last)
        }
    }

    /// @dev The 32 lower-case hexadecimal digits of 128 bits, all at once: each step parts the halves of every
    /// group, until each digit has a byte of its own.
    function _digits(uint256 value) private pure returns (bytes32) {
        unchecked {
            value = (value | (value << 64)) & 0x0000000000000000ffffffffffffffff0000000000000000ffffffffffffffff;
            value = (value | (value << 32)) & 0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff;
            value = (value | (value << 16)) & 0x0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff;
            value = (value | (value << 8)) & 0x00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff;
            value = (value | (value << 4)) & 0x0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f;
            // One in every byte that holds 10 to 15, whose digit is a letter, 39 further on than "9" + 1.
            uint256 letters =
                ((value + 0x0606060606060606060606060606060606060606060606060606060606060606) >> 4) &
                    0x0101010101010101010101010101010101010101010101010101010101010101;
            return bytes32(value + 0x3030303030303030303030303030303030303030303030303030303030303030 + letters * 39);
        }
    }
}
