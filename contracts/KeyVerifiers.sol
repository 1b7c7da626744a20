// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

// The verifiers of ERC-7913 keys that are deployed beside the registry: P-256, and passkeys (WebAuthn, where the user
// must be verified). They have no owner, no storage and no upgrade.
// solhint-disable no-unused-import, max-line-length
import {ERC7913P256Verifier} from "@openzeppelin/contracts/utils/cryptography/verifiers/ERC7913P256Verifier.sol";
import {ERC7913WebAuthnVerifier} from "@openzeppelin/contracts/utils/cryptography/verifiers/ERC7913WebAuthnVerifier.sol";
