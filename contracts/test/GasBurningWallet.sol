// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// @title A hostile ERC-1271 wallet, for tests: it uses up whatever gas it gets.
contract GasBurningWallet {
    /// @notice Never returns.
    function isValidSignature(bytes32, bytes calldata) external pure returns (bytes4) {
        // An invalid opcode takes all the gas of a call.
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            invalid()
        }
    }
}
