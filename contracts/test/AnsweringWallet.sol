// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// @title A contract that ends every call with the same bytes, for tests: as a wallet, or as a verifier of keys.
contract AnsweringWallet {
    bytes private _answer;
    bool private _reverts;

    /// @param answer What every call returns, or reverts with
    constructor(bytes memory answer, bool reverts) {
        _answer = answer;
        _reverts = reverts;
    }

    // solhint-disable-next-line no-complex-fallback, payable-fallback
    fallback(bytes calldata) external returns (bytes memory) {
        bytes memory answer = _answer;
        if (!_reverts) return answer;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            revert(add(answer, 32), mload(answer))
        }
    }
}
