// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {ContractWallet} from "./ContractWallet.sol";

/// @title A wallet with one owner, for whose calls a player needs no signature.
contract PlayedWallet is ContractWallet {
    address private immutable _player;

    constructor(address owner, address player) ContractWallet(owner) {
        _player = player;
    }

    /// @notice Calls another contract as this wallet.
    function forward(address target, bytes calldata data) external {
        if (msg.sender != _player) revert NotOwner(msg.sender);
        Address.functionCall(target, data);
    }
}
