// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ContractWallet} from "./ContractWallet.sol";

/// @title An honest ERC-1271 wallet whose signatures take much gas to verify, for tests.
contract CostlyWallet is ContractWallet {
    uint256 private constant GAS = 350_000;

    constructor(address owner) ContractWallet(owner) {}

    /// @inheritdoc ContractWallet
    function isValidSignature(bytes32 hash, bytes calldata signature) public view override returns (bytes4 magicValue) {
        uint256 start = gasleft();
        bytes32 work = hash;
        while (start - gasleft() < GAS) work = keccak256(abi.encode(work));
        return super.isValidSignature(hash, signature);
    }
}
