// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// @title A hostile ERC-1271 wallet, for tests: when asked for a signature, it calls back into whoever asks.
contract ReentrantWallet {
    bytes private _payload;
    bytes private _expected;

    /// @param payload The call to make when asked for a signature
    /// @param expected What that call must return for the signature to count; empty for anything
    function prepare(bytes calldata payload, bytes calldata expected) external {
        _payload = payload;
        _expected = expected;
    }

    /// @notice Calls another contract as this wallet.
    function execute(address target, bytes calldata data) external {
        // solhint-disable-next-line avoid-low-level-calls
        (bool success, ) = target.call(data);
        require(success, "call failed"); // solhint-disable-line gas-custom-errors
    }

    /// @notice Approves only if the call back succeeded with the expected result.
    function isValidSignature(bytes32, bytes calldata) external returns (bytes4 magicValue) {
        // solhint-disable-next-line avoid-low-level-calls
        (bool success, bytes memory result) = msg.sender.call(_payload);
        bool asExpected = _expected.length == 0 || keccak256(result) == keccak256(_expected);
        return success && asExpected ? this.isValidSignature.selector : bytes4(0);
    }
}
