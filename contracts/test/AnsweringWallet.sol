// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// @title A contract that answers every call with the same bytes, for tests: as a wallet, or as a verifier of keys.
contract AnsweringWallet {
    bytes private _answer;

    constructor(bytes memory answer) {
        _answer = answer;
    }

    // solhint-disable-next-line no-complex-fallback, payable-fallback
    fallback(bytes calldata) external returns (bytes memory) {
        return _answer;
    }
}
