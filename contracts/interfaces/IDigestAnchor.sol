// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Consent} from "./Consent.sol";

/// @dev The role of the delegates that may anchor digests for an identity: `"anchor"`, left-aligned.
bytes32 constant ANCHOR_ROLE = "anchor";

/**
 * @title Digest anchor
 * @notice Anchors digests in an identity's name: proofs that something existed and that the identity vouched for it.
 * Nothing is stored of a digest but its event, and events are counted, so that none can be left out unnoticed.
 */
interface IDigestAnchor {
    /**
     * @notice A digest was anchored.
     * @param identity In whose name
     * @param digest The digest; the same can be anchored again
     * @param anchorSequence How many digests this identity has anchored, this one included: gapless, from 1
     */
    event DigestAnchored(address indexed identity, bytes32 indexed digest, uint256 anchorSequence);

    /// @notice Anchors a digest. By the controller or a delegate that holds `"anchor"`.
    function anchorDigest(address identity, bytes32 digest) external;

    /// @notice `anchorDigest` by consent of an account that may, to `AnchorDigest(address signer,address identity,
    /// bytes32 digest,uint256 nonce,uint256 deadline)`.
    function anchorDigestWithConsent(address identity, bytes32 digest, Consent calldata consent) external;
}
