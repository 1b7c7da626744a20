// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {IdentityStore} from "./IdentityStore.sol";
import {Consent} from "./interfaces/Consent.sol";
import {ANCHOR_ROLE, IDigestAnchor} from "./interfaces/IDigestAnchor.sol";
import {ConsentHashes} from "./libraries/ConsentHashes.sol";
import {IdentityHeader} from "./libraries/IdentityHeader.sol";

/// @title Digest anchor
abstract contract DigestAnchor is IdentityStore, IDigestAnchor {
    /// @inheritdoc IDigestAnchor
    function anchorDigest(address identity, bytes32 digest) external {
        (Identity storage stored, IdentityHeader header) = _authorized(identity, ANCHOR_ROLE, msg.sender);
        _anchor(identity, stored, header, digest);
    }

    /// @inheritdoc IDigestAnchor
    function anchorDigestWithConsent(address identity, bytes32 digest, Consent calldata consent) external {
        bytes32 structHash = ConsentHashes.anchorDigest(consent, identity, digest);
        (Identity storage stored, IdentityHeader header) = _authorizedByConsent(
            identity,
            ANCHOR_ROLE,
            structHash,
            consent
        );
        _anchor(identity, stored, header, digest);
    }

    function _anchor(address identity, Identity storage stored, IdentityHeader header, bytes32 digest) private {
        header = header.countAnchor();
        stored.header = header;
        emit DigestAnchored(identity, digest, header.anchorSequence());
    }
}
