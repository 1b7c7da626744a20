// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/**
 * @notice What a `...WithConsent` call carries instead of a caller: the consent of the account that has the power.
 *
 * The account signs EIP-712 typed data. The primary type is the name of the function without `WithConsent`, its first
 * letter a capital; its fields are `address signer`, the arguments of the function in their order, `uint256 nonce` and
 * `uint256 deadline`. Each function says its type in full. Domain: name `Cairn DIDRegistry`, version `2`, the chain's
 * id, the registry's address (ERC-5267 tells them).
 *
 * @param signer The account that signed. It is a field of the typed data, so that a consent of one account is never
 * the consent of another that the same key stands behind
 * @param nonce `grant << 64 | count`. Grant is the identity's version that gave the account its power: for the
 * controller `controlVersion`, for a delegate the version that granted its role. Count is how many of its nonces were
 * consumed or cancelled since. A consent therefore ends with the grant of the power that it uses. `nonceOfSigner` tells
 * the current value; no other is accepted
 * @param deadline The last second at which the consent counts, Unix seconds
 * @param signature One of three forms, by the code of `signer`:
 *
 * - no code, 65 bytes: `r || s || v` of ECDSA on secp256k1, with the low `s` only
 * - no code, another length: `uint16 n || key || signature of the key` of an ERC-7913 key of `n > 20` bytes, which is
 *   `verifier (20 bytes) || public key`; `signer` must be `keyAccount(key)`
 * - code: whatever the contract accepts by ERC-1271. An account with an EIP-7702 delegation may also sign by ECDSA
 */
struct Consent {
    address signer;
    uint256 nonce;
    uint256 deadline;
    bytes signature;
}
