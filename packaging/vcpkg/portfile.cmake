# The archive that scripts/release.sh makes. Its checksum is known before it is uploaded, that of an archive made by a host is not.
vcpkg_download_distfile(ARCHIVE
    URLS "https://example.com/spat/releases/download/v${VERSION}/spat-${VERSION}.tar.gz"
    FILENAME "spat-${VERSION}.tar.gz"
    SHA512 0
)
vcpkg_extract_source_archive(SOURCE_PATH ARCHIVE "${ARCHIVE}")

set(VCPKG_BUILD_TYPE release) # header-only port

vcpkg_cmake_configure(
    SOURCE_PATH "${SOURCE_PATH}"
    OPTIONS
        -DSPAT_TESTS=OFF
        -DSPAT_EXAMPLES=OFF
        -DSPAT_TOOL=OFF
        -DSPAT_BENCHMARKS=OFF
)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(CONFIG_PATH share/cmake/spat)
vcpkg_fixup_pkgconfig()

file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/share/doc")
file(INSTALL "${CMAKE_CURRENT_LIST_DIR}/usage" DESTINATION "${CURRENT_PACKAGES_DIR}/share/${PORT}")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
