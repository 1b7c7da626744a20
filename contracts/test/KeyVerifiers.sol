// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

// The verifiers of ERC-7913 keys that tests and development deploy.
// solhint-disable no-unused-import, max-line-length
import {ERC7913P256Verifier} from "@openzeppelin/contracts/utils/cryptography/verifiers/ERC7913P256Verifier.sol";
import {ERC7913WebAuthnVerifier} from "@openzeppelin/contracts/utils/cryptography/verifiers/ERC7913WebAuthnVerifier.sol";
